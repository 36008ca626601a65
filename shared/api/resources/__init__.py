"""`/api/v1/webhooks`, `/api/v1/repositories`, `/api/v1/targets` (C12)."""
