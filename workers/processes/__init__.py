"""The processes of the Procfile, kept running by ``learning up``."""
