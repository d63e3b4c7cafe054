"""The loop on daily bars, through real processes, with one command."""
