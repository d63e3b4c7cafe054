"""What crosses the wire, written down for those who work in other languages."""
