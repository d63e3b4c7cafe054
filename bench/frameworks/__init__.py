"""Other ways to take events in, each of them with its own package, all of the extra ``bench``."""
