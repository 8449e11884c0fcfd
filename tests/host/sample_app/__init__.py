"""A small Functions app, indexed from this directory."""
