"""`python -m functions` lists the tasks; `python -m functions NAME` runs one, now and here."""

import gc

import functions
from functions._process import registry
from shared.cli import main

code = main(registry(), functions.names())
gc.freeze()  # the interpreter's exit would look at every object once more
raise SystemExit(code)
