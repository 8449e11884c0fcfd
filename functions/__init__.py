"""One file per thing that wakes us; each parses, calls one flow, and answers."""
