"""Hostile input to every parser: hundreds of shapes by hypothesis, each broken in a dozen ways."""
