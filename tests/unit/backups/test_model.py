"""Manifests and reports as JSON, the names of what lies beside a blob, and the comparison of what
a backup holds with what was restored."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.backups.model import (
    FORMAT,
    Manifest,
    Outcome,
    Report,
    Summary,
    blob_name,
    checksum_name,
    differences,
    manifest_name,
    report_name,
    safe_name,
    sealed_name,
)
from shared.backups.source import Contents

AT = datetime(2026, 3, 4, 5, 6, 7, 891, tzinfo=UTC)


def manifest(**changes: object) -> Manifest:
    values: dict[str, object] = {
        "id": "a1",
        "schedule_id": "s1",
        "job_id": "job",
        "attempt": 1,
        "source": "database",
        "engine": "sqlite",
        "engine_version": "3.40.1",
        "dump_version": "online backup, SQLite 3.40.1",
        "database": "company",
        "scope": "",
        "started_at": AT,
        "finished_at": AT + timedelta(seconds=2),
        "duration_seconds": 2.0,
        "compression": "zstd",
        "encrypted": False,
        "bytes": 10,
        "uncompressed_bytes": 100,
        "sha256": "0" * 64,
        "blob": "database/company/2026/03/04/company-20260304T050607Z.sqlite.zst",
        "tables": {"users": 3},
        "schema": {"table users": "d1"},
        **changes,
    }
    return Manifest(**values)  # type: ignore[arg-type]


def report(**changes: object) -> Report:
    values: dict[str, object] = {
        "backup_id": "a1",
        "outcome": Outcome.VERIFIED,
        "at": AT,
        "job_id": "job",
        "how": "restored",
        "restore_seconds": 1.5,
        "suspicions": ("table users had 3 rows and has none",),
        **changes,
    }
    return Report(**values)  # type: ignore[arg-type]


KINDS = [
    pytest.param(manifest(), id="manifest"),
    pytest.param(manifest().summary, id="summary"),
    pytest.param(report(), id="report"),
    pytest.param(
        report(outcome=Outcome.DAMAGED, restore_seconds=None, suspicions=(), error="too short"),
        id="report of damage",
    ),
    pytest.param(report(without=("constraint public.pets.owner",)), id="report without a rule"),
    pytest.param(report(outcome=Outcome.ACCEPTED, how="said"), id="report of a person's word"),
]
every_kind = pytest.mark.parametrize("one", KINDS)


def through_json(values: object) -> Any:
    return json.loads(json.dumps(values))


def test_a_report_of_before_can_be_read() -> None:
    values = report().to_json()
    del values["without"], values["read_seconds"]
    assert Report.from_json(values) == report()


# As JSON


@every_kind
def test_each_survives_json_and_says_its_format(one: Summary | Report) -> None:
    values = through_json(one.to_json())
    assert values["format"] == FORMAT == 2
    assert type(one).from_json(values) == one


texts = st.text(st.characters(exclude_categories=["Cs"]))
instants = st.datetimes(
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=-5)), timezone(timedelta(hours=14))]),
    min_value=datetime(2, 1, 1),
    max_value=datetime(9998, 1, 1),
)
manifests = st.builds(
    Manifest,
    duration_seconds=st.floats(0, 1e9),
    started_at=instants,
    finished_at=instants,
    tables=st.dictionaries(texts, st.integers(0)),
    schema=st.dictionaries(texts, texts),
)
reports = st.builds(
    Report,
    at=instants,
    restore_seconds=st.none() | st.floats(0, 1e9),
    suspicions=st.lists(texts).map(tuple),
)


@given(manifests)
def test_any_manifest_and_its_summary_survive_json(one: Manifest) -> None:
    assert Manifest.from_json(through_json(one.to_json())) == one
    assert Summary.from_json(through_json(one.summary.to_json())) == one.summary


@given(reports)
def test_any_report_survives_json(one: Report) -> None:
    assert Report.from_json(through_json(one.to_json())) == one


@given(manifests)
def test_the_summary_is_the_manifest_without_what_grows_with_the_database(one: Manifest) -> None:
    less = {"blob", "tables", "schema", "schemas", "exclude_schemas"}
    whole = one.to_json()
    assert one.summary.to_json() == {name: whole[name] for name in whole.keys() - less}
    assert Summary.from_json(whole) == one.summary


def test_a_manifest_tells_what_it_holds() -> None:
    expected = Contents(tables={"users": 3}, schema={"table users": "d1"})
    assert manifest().contents == expected


def test_instants_are_written_in_utc() -> None:
    local = AT.astimezone(timezone(timedelta(hours=9)))
    values = manifest(started_at=local).to_json()
    assert values["started_at"] == "2026-03-04T05:06:07.000891Z"
    assert report(at=local).to_json()["at"] == "2026-03-04T05:06:07.000891Z"


@every_kind
@pytest.mark.parametrize("given", [1, 3, "2", None])
def test_another_format_is_refused(one: Summary | Report, given: object) -> None:
    with pytest.raises(ValueError, match=r"^format is "):
        type(one).from_json({**one.to_json(), "format": given})


@every_kind
def test_one_that_lacks_a_field_is_refused_by_its_name(one: Summary | Report) -> None:
    values = one.to_json()
    for name in values.keys() - {"format", "schemas", "exclude_schemas", "without", "read_seconds"}:
        rest = {other: value for other, value in values.items() if other != name}
        with pytest.raises(ValueError, match=rf"^lacks '?{name}'?$"):
            type(one).from_json(rest)


@every_kind
@pytest.mark.parametrize("given", [{}, {"format": FORMAT}])
def test_what_is_none_of_it_is_refused(one: Summary | Report, given: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"^format is None|^lacks "):
        type(one).from_json(given)


@every_kind
def test_a_field_of_a_later_version_is_let_be(one: Summary | Report) -> None:
    assert type(one).from_json({**one.to_json(), "later": 1}) == one


@pytest.mark.parametrize(
    ("one", "change"),
    [
        (manifest(), {"started_at": "yesterday"}),
        (report(), {"at": "yesterday"}),
        (report(), {"outcome": "good enough"}),
    ],
)
def test_a_value_that_cannot_be_read_is_refused(
    one: Summary | Report, change: dict[str, object]
) -> None:
    with pytest.raises(ValueError, match=r"yesterday|good enough"):
        type(one).from_json({**one.to_json(), **change})


# Names


def test_a_blob_lies_in_a_folder_of_its_source_and_day() -> None:
    name = blob_name("postgres", "shop", AT, "dump.zst")
    assert name == "postgres/shop/2026/03/04/shop-20260304T050607Z.dump.zst"
    assert manifest_name(name) == name + ".manifest.json"
    assert checksum_name(name) == name + ".sha256"
    assert report_name(name, Outcome.DAMAGED, AT) == name + ".20260304T050607000891Z.damaged.json"


def test_a_sealed_ones_name_tells_only_when() -> None:
    assert sealed_name(AT, "zst.age") == "sealed/2026/03/04/20260304T050607Z.zst.age"


def test_the_day_is_the_one_in_utc() -> None:
    late = datetime(2026, 12, 31, 20, 0, tzinfo=timezone(timedelta(hours=-5)))
    assert blob_name("s", "x", late, "dump.zst") == "s/x/2027/01/01/x-20270101T010000Z.dump.zst"
    assert sealed_name(late, "age") == "sealed/2027/01/01/20270101T010000Z.age"
    assert report_name("b", Outcome.VERIFIED, late) == "b.20270101T010000000000Z.verified.json"


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


@given(st.text(), st.text())
def test_any_name_gives_a_usable_blob_name(source: str, database: str) -> None:
    name = blob_name(source, database, AT, "dump.zst")
    assert re.fullmatch(r"([A-Za-z0-9_.-]+/){2}2026/03/04/[A-Za-z0-9_.-]+\.dump\.zst", name)
    assert not any(part in ("", ".", "..") for part in name.split("/"))


@given(st.lists(instants, min_size=2), st.sampled_from(Outcome))
def test_reports_on_a_blob_sort_by_their_time(times: list[datetime], outcome: Outcome) -> None:
    times = [time.replace(year=2000 + time.year % 100, day=1) for time in times]
    names = [report_name("b", outcome, time) for time in sorted(times)]
    assert names == sorted(names)
    assert len(set(names)) == len({time.astimezone(UTC) for time in times})


# What differs

counts = st.dictionaries(st.text(max_size=4), st.integers(0, 9), max_size=6)
digests = st.dictionaries(st.text(max_size=4), st.sampled_from(["d1", "d2"]), max_size=6)
contents = st.builds(Contents, tables=counts, schema=digests)


@given(contents)
def test_equal_contents_do_not_differ(one: Contents) -> None:
    same = Contents(tables=dict(reversed(list(one.tables.items()))), schema=dict(one.schema))
    assert differences(one, same) == ""


@given(contents, contents)
def test_contents_that_are_not_equal_differ(one: Contents, other: Contents) -> None:
    assert (differences(one, other) == "") is (one == other)


@given(contents, st.data())
def test_any_one_change_is_told_with_its_name(one: Contents, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([*one.tables, "new"]))
    rows = data.draw(st.integers(0, 9).filter(lambda count: count != one.tables.get(name)))
    changed = Contents(tables={**one.tables, name: rows}, schema=one.schema)
    assert differences(one, changed).startswith(f"table {name} had ")
    assert "; " not in differences(one, changed).replace(name, "")


def test_a_difference_in_rows_names_the_table_and_both_counts() -> None:
    said = differences(
        Contents(tables={"a": 1, "b": 2, "c": 0}), Contents(tables={"b": 3, "c": 0, "d": 0})
    )
    assert said == (
        "table a had 1 row in the source and no such table when restored; "
        "table b had 2 rows in the source and 3 rows when restored; "
        "table d had no such table in the source and 0 rows when restored"
    )


def test_a_difference_in_definitions_names_the_object() -> None:
    said = differences(
        Contents(tables={}, schema={"index i": "d1", "table a": "d1", "view v": "d1"}),
        Contents(tables={}, schema={"index i": "d2", "table a": "d1", "view w": "d1"}),
    )
    assert said == (
        "index i is defined otherwise when restored; "
        "view v is gone when restored; view w is there only when restored"
    )


def test_many_differences_are_counted() -> None:
    many = Contents(
        tables={f"t{number}": 1 for number in range(4)},
        schema={f"table t{number}": "d" for number in range(5)},
    )
    said = differences(many, Contents(tables={}))
    assert said.count("when restored") == 5
    assert said.endswith("and 4 more")
