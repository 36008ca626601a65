"""`/api/v1/usage`: the counters of use."""
