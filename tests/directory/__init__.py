"""The directory stand-in, through its model, its wire and the unmodified SDK."""
