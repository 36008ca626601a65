"""Routes of `/api/v1/alerts`."""
