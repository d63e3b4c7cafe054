"""Examples as rows for a notebook."""
