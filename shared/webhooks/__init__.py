"""Delivers to customers' webhooks (C12)."""
