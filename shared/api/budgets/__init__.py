"""`/api/v1/budgets`."""
