"""`python -m belfry`, and `bin/belfry`."""

from __future__ import annotations

from belfry.main import main

main()
