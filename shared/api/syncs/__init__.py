"""What syncs did."""
