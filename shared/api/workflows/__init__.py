"""`/api/v1/workflows`."""
