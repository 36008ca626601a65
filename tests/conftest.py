"""What every test may ask for: a real Azurite and a real PostgreSQL, one of each for a whole run.

They fail the test when they do not start: a test that is skipped proves nothing.
"""

from __future__ import annotations

import contextlib
import gc
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from local import azurite as local_azurite
from local import postgres as local_postgres
from tests.forked import Commands

_MEMORY = Path("/dev/shm")  # noqa: S108
_ROOM = 6 << 30
"""Bytes: more than a whole run needs."""
# A commit of SQLite waits for the disk, and a database of PostgreSQL is hundreds of new files.
if "TMPDIR" not in os.environ and _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM:
    os.environ["TMPDIR"] = tempfile.tempdir = str(_MEMORY)

# No example fails for being slow: that would be a timed test.
settings.register_profile("belfry", deadline=None)
# In CI the examples are the same each time: what it says is of the change. Elsewhere they are new.
settings.register_profile("belfry-ci", deadline=None, derandomize=True)
settings.load_profile("belfry-ci" if os.environ.get("CI") else "belfry")


# Ten thousand tests are collected: to search them for garbage again and again takes as long.
gc.disable()


def pytest_collection_finish() -> None:
    """From here on garbage is searched for among what the tests themselves make."""
    gc.freeze()
    gc.enable()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line with the Python and the counts: CI runs on several, and shows these at its end."""
    kinds = ("passed", "failed", "error", "skipped", "xfailed")
    counts = {kind: len(terminalreporter.stats.get(kind, ())) for kind in kinds}
    said = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
    terminalreporter.write_line(f"Python {platform.python_version()}: {said}")


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A folder for PostgreSQL, which for root runs as another user: not one of pytest's, since
    each run of pytest shuts its users' common folder to others, while another may be under way."""
    with tempfile.TemporaryDirectory(prefix="belfry-", ignore_cleanup_errors=True) as folder:
        yield Path(folder).resolve()


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[local_azurite.Azurite]:
    """Azurite on free ports, empty at the start of the run; tests choose names of their own."""
    with local_azurite.start(tmp_path_factory.mktemp("azurite"), durable=False) as running:
        yield running


@pytest.fixture(scope="session")
def postgres() -> Iterator[local_postgres.Postgres]:
    """PostgreSQL on a free port, empty at the start of the run."""
    with scratch() as folder, local_postgres.start(folder, durable=False) as running:
        yield running


@pytest.fixture(scope="session")
def commands() -> Iterator[Commands]:
    """What runs `python -m functions WORDS`."""
    made = Commands()
    yield made
    made.close()
