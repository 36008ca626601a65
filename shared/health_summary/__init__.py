"""The health summary: how Belfry itself is, in one answer (docs/health-summary.md)."""
