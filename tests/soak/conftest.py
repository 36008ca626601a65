"""The soak's options: `pytest tests/soak --soak-seconds 1800 --soak-seed 7 -s`."""

from __future__ import annotations

import pytest

SECONDS = 60.0
"""Of storm; to prepare and to settle takes half a minute more."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("soak")
    group.addoption("--soak-seconds", type=float, default=SECONDS, help="how long the storm is")
    group.addoption("--soak-seed", type=int, default=1, help="another storm; 0 for a random one")
    group.addoption("--soak-schedules", type=int, default=300, help="how many at the beginning")
    group.addoption("--soak-break", default="", help="break the engine: etag, forget")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "soak: takes minutes, and kills what it starts")
