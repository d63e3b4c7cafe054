"""Who does it, event by event: one file a worker, one runtime for all, the command line."""
