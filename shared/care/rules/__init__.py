"""Decides, and knows no database: what is due for whom, by given facts and a given instant."""
