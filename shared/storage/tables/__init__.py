"""Table Storage: Belfry's own client, and what the rows mean."""
