"""`/api/v1/exports`."""
