"""One module per outside system; each maps that system's errors once, to fates."""
