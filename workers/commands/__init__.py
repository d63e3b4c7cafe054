"""The commands of ``learning``, one file a noun."""
