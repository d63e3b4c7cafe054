"""The files that an in-process learner of a bot leaves, and what of them has a place here."""
