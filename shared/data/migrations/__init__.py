"""Brings the company's database up to this version of Belfry: a person's command, or `make start`.

No function does it: instances start side by side, and an upgrade belongs before them. `run` is the
way in; `env` and `versions` are what Alembic loads. A migration stands by itself: it imports no
model, since models go on changing after it.
"""
