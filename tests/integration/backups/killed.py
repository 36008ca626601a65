"""A process that stops in the middle of a backup and waits to be killed.

python -m tests.integration.backups.killed <connection string> <container> <database> <step>
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from shared.backups.sqlite import SqliteSource
from tests.context import job_of
from tests.integration.backups.setup import Meddled, Shelf


def main() -> None:
    connection_string, name, database, step = sys.argv[1:]

    def halt() -> None:
        print("here", flush=True)
        sys.stdin.read()

    path = Path(database)
    steps: dict[str, Any] = {step: halt}
    Shelf(connection_string, name).take(
        Meddled(SqliteSource(path, temp=path.parent), after=5, **steps), job_of()
    )


if __name__ == "__main__":
    main()
