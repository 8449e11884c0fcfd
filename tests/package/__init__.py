"""The deployable package: what is in it, and that it indexes from an empty directory as Azure would run it."""
