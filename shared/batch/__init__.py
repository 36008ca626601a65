"""One operation on many targets (C12)."""
