"""`/api/health/summary`: how Belfry itself is (O6)."""
