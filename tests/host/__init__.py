"""The host is held to what Azure's host does."""
