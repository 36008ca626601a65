"""What was applied from files, and drift, on real storage."""
