"""What Belfry knows of a project, as files (C12)."""
