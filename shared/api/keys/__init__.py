"""`/api/v1/keys`."""
