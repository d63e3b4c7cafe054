"""History from files into the books, as the streams would have brought it."""
