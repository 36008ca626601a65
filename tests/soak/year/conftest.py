"""The year's options: `pytest tests/soak/year --year-days 1095 --year-seed 7 -s`."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest

DAYS = 365


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for."""

    days: int
    seed: int
    broken: str


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("year")
    group.addoption("--year-days", type=int, default=DAYS, help="how long it is")
    group.addoption("--year-seed", type=int, default=1, help="another year; 0 for a random one")
    group.addoption("--year-break", default="", help="break Belfry: a name in breaks.py")


@pytest.fixture
def options(request: pytest.FixtureRequest) -> Options:
    option = request.config.getoption
    return Options(
        days=option("--year-days", DAYS),
        seed=option("--year-seed", 1) or random.randrange(10**6),
        broken=option("--year-break", ""),
    )
