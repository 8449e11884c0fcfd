"""Figures, not tests: how long things take on this machine."""
