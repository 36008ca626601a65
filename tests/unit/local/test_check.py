"""A company's database of one's own: what is wrong with it is told, and is not mended unasked."""

from __future__ import annotations

from pathlib import Path

import pytest

from local import check, company
from tests.company import TODAY


def test_one_that_is_not_made_yet_is_told_with_what_makes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/own.db")
    said = check.own_database()
    assert said is not None and said.startswith("DATABASE_URL: ")
    assert "`python -m functions database upgrade` makes it" in said
    assert list(tmp_path.iterdir()) == []


def test_one_that_fits_and_the_demos_are_not_spoken_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    assert check.own_database() is None
    company.build_sqlite(tmp_path / "own.db", TODAY)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/own.db")
    assert check.own_database() is None
