"""What the identity stand-ins promise."""
