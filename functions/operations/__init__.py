"""Tasks that look after Belfry itself, and other clearing up."""
