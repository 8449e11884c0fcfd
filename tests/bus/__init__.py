"""Tests of the bus stand-in."""
