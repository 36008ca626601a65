"""The benches, on a real Azurite."""
