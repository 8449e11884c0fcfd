"""Notices: one file per channel, all behind one protocol (`Notices` in the flows' ports). Their words: `words`."""
