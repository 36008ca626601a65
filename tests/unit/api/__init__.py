"""The API without a storage."""
