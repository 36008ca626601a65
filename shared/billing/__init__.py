"""Billing: fees and subscriptions, in a ledger in SQL, and in Stripe where it is set up (P12)."""
