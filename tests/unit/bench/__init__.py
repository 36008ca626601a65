"""The benches: what they measure does not depend on the hour, and they say what failed."""
