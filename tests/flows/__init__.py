"""The flows on in-memory models: whole days, and crashes at every await."""
