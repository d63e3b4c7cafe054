"""When: crontab, and cycles as lists of stages. Cycles are RQ jobs."""
