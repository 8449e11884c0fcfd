"""The demo: a working day on a travelling clock, then a look from outside at what is left."""
