"""One suite for the desk and for Azure: what the product may rely on, asked of whichever is named."""
