"""A trading process that uses only ``learning_client``."""
