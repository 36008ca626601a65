"""Queue Storage: Belfry's own client, and what the messages mean."""
