"""Patterns to start from."""
