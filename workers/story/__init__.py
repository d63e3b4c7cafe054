"""The whole story of an alert, decision, position or thesis, from stored rows."""
