"""The trading side of the learning engine."""
