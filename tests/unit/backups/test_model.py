"""Names of blobs, the manifest as JSON, and the comparison of counts."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.backups.model import Manifest, blob_name, differences, manifest_name, safe_name

AT = datetime(2026, 3, 4, 5, 6, 7, 891, tzinfo=UTC)


def manifest(**changes: object) -> Manifest:
    values: dict[str, object] = {
        "id": "a1",
        "source": "database",
        "engine": "sqlite",
        "engine_version": "3.40.1",
        "dump_version": "online backup, SQLite 3.40.1",
        "database": "company",
        "blob": "company/2026/03/04/company-20260304T050607Z.sqlite.zst",
        "started_at": AT,
        "finished_at": AT + timedelta(seconds=2),
        "duration_seconds": 2.0,
        "bytes": 10,
        "uncompressed_bytes": 100,
        "sha256": "0" * 64,
        "tables": {"users": 3},
        "verified": False,
        "verified_at": None,
        "verify_seconds": None,
        "job_id": "job",
        "attempt": 1,
        **changes,
    }
    return Manifest(**values)  # type: ignore[arg-type]


def test_a_blob_lies_in_a_folder_of_its_day() -> None:
    name = blob_name("company", AT, "sqlite.zst")
    assert name == "company/2026/03/04/company-20260304T050607Z.sqlite.zst"
    assert manifest_name(name) == name + ".manifest.json"


def test_the_day_is_the_one_in_utc() -> None:
    late = datetime(2026, 12, 31, 20, 0, tzinfo=timezone(timedelta(hours=-5)))
    assert blob_name("x", late, "dump.zst") == "x/2027/01/01/x-20270101T010000Z.dump.zst"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("company", "company"),
        ("Büro & Söhne/2", "B_ro___S_hne_2"),
        ("../../etc", "_.._etc"),
        ("", "database"),
        ("..", "database"),
    ],
)
def test_a_database_name_cannot_leave_its_folder(given: str, expected: str) -> None:
    assert safe_name(given) == expected


@given(st.text())
def test_any_database_name_gives_a_usable_blob_name(database: str) -> None:
    name = blob_name(database, AT, "dump.zst")
    assert re.fullmatch(r"[A-Za-z0-9_.-]+/2026/03/04/[A-Za-z0-9_.-]+\.dump\.zst", name)
    assert not any(part in ("", ".", "..") for part in name.split("/"))


@given(
    st.dictionaries(st.text(), st.integers(min_value=0)),
    st.datetimes(timezones=st.just(UTC)),
    st.none() | st.datetimes(timezones=st.just(UTC)),
)
def test_a_manifest_survives_json(
    tables: dict[str, int], started: datetime, verified: datetime | None
) -> None:
    original = manifest(tables=tables, started_at=started, verified_at=verified)
    assert Manifest.from_json(json.loads(json.dumps(original.to_json()))) == original


def test_a_manifest_says_its_format_and_writes_instants_in_utc() -> None:
    values = manifest().to_json()
    assert values["format"] == 1
    assert values["started_at"] == "2026-03-04T05:06:07.000891Z"
    assert values["verified_at"] is None


@pytest.mark.parametrize("change", [{"format": 2}, {"format": None}])
def test_another_format_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="format is"):
        Manifest.from_json({**manifest().to_json(), **change})


def test_a_manifest_that_lacks_a_field_is_refused_by_its_name() -> None:
    values = manifest().to_json()
    del values["sha256"]
    with pytest.raises(ValueError, match="lacks sha256"):
        Manifest.from_json(values)


def test_a_field_of_a_later_version_is_let_be() -> None:
    assert Manifest.from_json({**manifest().to_json(), "later": 1}) == manifest()


@given(st.dictionaries(st.text(), st.integers(min_value=0)))
def test_equal_counts_do_not_differ(tables: dict[str, int]) -> None:
    assert differences(tables, dict(tables)) == ""


def test_a_difference_names_the_table_and_both_counts() -> None:
    said = differences({"a": 1, "b": 2, "c": 0}, {"b": 3, "c": 0, "d": 0})
    assert said == (
        "table a had 1 row in the source and no such table when restored; "
        "table b had 2 rows in the source and 3 rows when restored; "
        "table d had no such table in the source and 0 rows when restored"
    )


def test_many_differences_are_counted() -> None:
    said = differences({f"t{number}": 1 for number in range(9)}, {})
    assert said.count("when restored") == 5
    assert said.endswith("and 4 more")
