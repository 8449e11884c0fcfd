"""What the vault stand-in promises."""
