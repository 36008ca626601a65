"""The soak's options: `pytest tests/soak --soak-seconds 1800 --soak-seed 7 -s`."""

from __future__ import annotations

import logging
import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from local import azurite as local_azurite

SECONDS = 48.0
"""Of storm; to prepare and to settle, and the other tests, take as long and more."""
SCHEDULES = 160
"""Of people's, at the beginning of the storm."""


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for."""

    seconds: float
    seed: int
    schedules: int
    break_engine: str


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("soak")
    group.addoption("--soak-seconds", type=float, default=SECONDS, help="how long the storm is")
    group.addoption("--soak-seed", type=int, default=1, help="another storm; 0 for a random one")
    group.addoption(
        "--soak-schedules", type=int, default=SCHEDULES, help="how many at the beginning"
    )
    group.addoption("--soak-break", default="", help="break the engine: a name in breaks.py")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "soak: takes minutes, and kills what it starts")


@pytest.fixture(scope="session")
def azurite() -> Iterator[local_azurite.Azurite]:
    """Azurite on a disk in memory, where there is one: each message that is put waits for its disk,
    one after another, and another program may keep that busy."""
    memory = Path("/dev/shm")  # noqa: S108, a folder of a random name is made in it
    with (
        tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder,
        local_azurite.start(Path(folder)) as running,
    ):
        yield running


@pytest.fixture
def options(request: pytest.FixtureRequest) -> Options:
    option = request.config.getoption
    return Options(
        seconds=option("--soak-seconds", SECONDS),
        seed=option("--soak-seed", 1) or random.randrange(10**6),
        schedules=option("--soak-schedules", SCHEDULES),
        break_engine=option("--soak-break", ""),
    )


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """This process logs nothing: what it does is told by its verdicts."""
    for name in ("belfry", "azure"):
        caplog.set_level(logging.CRITICAL, name)
    yield
