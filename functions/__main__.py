"""`python -m functions` lists the tasks; `python -m functions NAME` runs one, now and here."""

from shared.cli import main

raise SystemExit(main())
