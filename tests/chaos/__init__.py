"""The crashes of real processes: that their checks can fail."""
