"""`python -m functions` lists the tasks; `python -m functions NAME` runs one, now and here."""

import functions
from functions._process import registry
from shared.cli import main

raise SystemExit(main(registry(), functions.names()))
