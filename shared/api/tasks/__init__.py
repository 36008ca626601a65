"""`/api/v1/tasks`."""
