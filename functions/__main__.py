"""`python -m functions` lists the tasks; `python -m functions NAME` runs one, now and here."""

import sys

from shared.cli import main

raise SystemExit(main(sys.argv[1:]))
