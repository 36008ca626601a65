"""`/api/v1/marketing`: what the marketing cycle found, and its campaigns (O2)."""
