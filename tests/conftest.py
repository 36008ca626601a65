"""What every test may ask for: a real Azurite and a real PostgreSQL, one of each for a whole run.

They fail the test when they do not start: a test that is skipped proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from local import azurite as local_azurite

if TYPE_CHECKING:
    from local.postgres import Postgres


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[local_azurite.Azurite]:
    """Azurite on free ports, empty at the start of the run; tests choose names of their own."""
    with local_azurite.start(tmp_path_factory.mktemp("azurite")) as running:
        yield running


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """PostgreSQL on a free port, empty at the start of the run."""
    from local import postgres as local_postgres

    with local_postgres.start(tmp_path_factory.mktemp("postgres")) as running:
        yield running
