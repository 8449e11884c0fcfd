"""The words as frozen types and the rules as pure functions: no I/O, no clock, no settings read."""
