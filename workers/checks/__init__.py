"""What health looks at, one file an arrow of the picture."""
