"""What the company uses, spends and earns: daily counters, cost report, spend guard (L3-L5)."""
