"""The engine's pure parts."""
