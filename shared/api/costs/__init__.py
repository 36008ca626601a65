"""`/api/v1/costs`."""
