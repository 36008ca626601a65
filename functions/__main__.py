"""`python -m functions` lists the tasks; `python -m functions NAME` runs one, now and here.

`python -m functions.NAME` is the same (L10).
"""

import gc
import sys

import functions
from functions._process import registry
from shared.cli import main

if __spec__ is not None and __spec__.name != "functions.__main__":
    sys.argv.insert(1, __spec__.name.rpartition(".")[2])
code = main(registry(), functions.names())
gc.freeze()  # the interpreter's exit would look at every object once more
raise SystemExit(code)
