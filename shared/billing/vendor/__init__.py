"""Stripe, by its own library, which is imported nowhere else."""
