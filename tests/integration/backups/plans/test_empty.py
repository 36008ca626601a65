"""A source that holds nothing is backed up, and a person is asked whether that is right."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.azurite import Azurite
from tests.integration.backups.client import opened


@pytest.mark.parametrize("made", ["no bytes", "no table"])
def test_the_first_backup_of_nothing_needs_a_persons_word(
    azurite: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: str
) -> None:
    (tmp_path / "company.db").touch()
    with opened(azurite, tmp_path) as client:
        if made == "no table":
            client.sql("CREATE TABLE t (n)")
            client.sql("DROP TABLE t")
        plan = client.plan(retention={"count": 1})
        first, second = client.taken(plan), client.taken(plan)
        for one in (first, second):
            assert one["suspicions"] == ["it holds nothing: there is no table"]
        client.told("GET", f"/backups/{first['id']}")  # retention removes nothing meanwhile
        sentence = client.told("GET", f"/backups/plans/{plan['schedule_id']}")["sentence"]
        assert sentence.endswith("but look at it first (it holds nothing: there is no table)")
        client.told("POST", f"/backups/{second['id']}/accept")
        third = client.taken(plan)
        assert third["suspicions"] == []
        client.problem(404, "GET", f"/backups/{first['id']}")
