"""`/api/v1/messages`."""
