"""Belfry's own engine, measured as its peers are, and the bare limit of the storage beneath it."""
