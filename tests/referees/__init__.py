"""What holds the stand-ins against programs and definitions that we did not write."""
