"""Runs Belfry on one machine: Azurite, PostgreSQL, a demo company, and a host for the app.

Nothing that is deployed imports from here. `python -m local` (`make start`) starts everything;
tests take the parts they need.
"""
