"""The company's own data, in SQL: what Belfry asks of it, by SQLAlchemy Core."""
