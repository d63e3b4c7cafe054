"""Planted worlds, run through the real codec, store, learner and gate."""
