"""The Functions host's stand-in: runs the unmodified app through Microsoft's own worker library."""
