"""The marketing cycle: engagement, recommendations, campaigns that wait for an approval, and what
they changed (docs/marketing.md)."""
