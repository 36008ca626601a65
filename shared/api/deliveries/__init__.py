"""`/api/v1/webhooks/{webhook_id}/deliveries`."""
