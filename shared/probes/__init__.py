"""Customers' health checks, their history, and the status pages made of it (C12)."""
