"""The composition root: settings that say all that is wrong, and services that reach every system."""
