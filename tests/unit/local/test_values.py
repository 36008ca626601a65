"""local.settings.json: made from the example, kept right, and never taken from a person."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from local import values
from local.azurite import connection_string
from shared.errors import Misconfigured

MANAGED = {
    "AzureWebJobsStorage": connection_string((11000, 11001, 11002)),
    "POSTGRES_URL": "postgresql://b:c@127.0.0.1:5/company",
    "DATABASE_PATH": ".local/company.db",
    "SECRETS_KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
}


def test_it_is_made_from_the_example(tmp_path: Path) -> None:
    file = tmp_path / "local.settings.json"
    found = values.keep(file, MANAGED)
    kept = json.loads(file.read_text())
    example = json.loads(values.EXAMPLE.read_text())
    assert kept == example | {"Values": example["Values"] | MANAGED}
    assert found == kept["Values"]


def test_what_a_person_added_stays(tmp_path: Path) -> None:
    file = tmp_path / "local.settings.json"
    values.keep(file, MANAGED)
    document = json.loads(file.read_text())
    document["Values"]["MINE"] = "1"
    document["Host"] = {"CORS": "*"}
    file.write_text(json.dumps(document))
    values.keep(file, MANAGED | {"POSTGRES_URL": "postgresql://b:c@127.0.0.1:6/company"})
    kept = json.loads(file.read_text())
    assert (kept["Values"]["MINE"], kept["Host"]) == ("1", {"CORS": "*"})
    assert kept["Values"]["POSTGRES_URL"].endswith(":6/company")


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("POSTGRES_URL", "postgresql://u:p@db.example.org/company"),
        ("POSTGRES_URL", "postgresql://u:p@localhost:5432/shop"),
        ("DATABASE_PATH", "/srv/shop.db"),
        ("AzureWebJobsStorage", "DefaultEndpointsProtocol=https;AccountName=real;AccountKey=x;"),
        ("SECRETS_KEY", "HxAREhMUFRYXGBkaGxwdHh8AAQIDBAUGBwgJCgsMDQ4="),
    ],
)
def test_what_points_elsewhere_is_theirs(tmp_path: Path, name: str, theirs: str) -> None:
    file = tmp_path / "local.settings.json"
    file.write_text(json.dumps({"Values": {name: theirs}}))
    found = values.keep(file, MANAGED)
    assert found == MANAGED | {name: theirs}
    assert values.not_ours(found, MANAGED) == [name]


def test_a_file_that_is_right_is_not_written_again(tmp_path: Path) -> None:
    file = tmp_path / "local.settings.json"
    values.keep(file, MANAGED)
    before = file.stat().st_mtime_ns
    values.keep(file, MANAGED)
    assert file.stat().st_mtime_ns == before


@pytest.mark.parametrize("text", ["{", "[]", '{"Values": 1}'])
def test_a_broken_file_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "local.settings.json"
    file.write_text(text)
    with pytest.raises(Misconfigured, match=r"local\.settings\.json"):
        values.keep(file, MANAGED)


def test_the_environment_wins_except_where_we_manage(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AzureWebJobsStorage", "BACKUP_CONTAINER"):
        monkeypatch.setenv(name, "theirs")
    values.export({"AzureWebJobsStorage": "ours", "BACKUP_CONTAINER": "ours"}, MANAGED)
    found = dict(os.environ)
    assert (found["AzureWebJobsStorage"], found["BACKUP_CONTAINER"]) == ("ours", "theirs")
