"""A source that holds nothing is backed up, and a person is asked whether that is right."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.azurite import Azurite
from tests.integration.backups.api_desk import opened


@pytest.mark.parametrize("made", ["no bytes", "no table"])
def test_the_first_backup_of_nothing_needs_a_persons_word(
    azurite: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: str
) -> None:
    (tmp_path / "company.db").touch()
    with opened(azurite, tmp_path) as desk:
        if made == "no table":
            desk.sql("CREATE TABLE t (n)")
            desk.sql("DROP TABLE t")
        plan = desk.plan(retention={"count": 1})
        first, second = desk.taken(plan), desk.taken(plan)
        for one in (first, second):
            assert one["suspicions"] == ["it holds nothing: there is no table"]
        desk.told("GET", f"/backups/{first['id']}")  # retention removes nothing meanwhile
        sentence = desk.told("GET", f"/backups/plans/{plan['schedule_id']}")["sentence"]
        assert sentence.endswith("but look at it first (it holds nothing: there is no table)")
        desk.told("POST", f"/backups/{second['id']}/accept")
        third = desk.taken(plan)
        assert third["suspicions"] == []
        desk.problem(404, "GET", f"/backups/{first['id']}")
