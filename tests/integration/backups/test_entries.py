"""What stands in a blob's metadata always fits into the 8 KiB that Azure takes; Azurite takes any
number, so that only these tests say so."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyrage
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.backups.model import Manifest, Outcome, Report, Summary, manifest_name, report_name
from shared.backups.params import BackupPlan, VerifyOrder
from shared.backups.postgres.contents import Scope
from shared.backups.sqlite.source import SqliteSource
from shared.backups.store.encryption import Seal
from shared.backups.store.entries import Backup
from shared.backups.store.listing import copies
from shared.backups.store.metadata import about_backup, about_report
from shared.errors import Conflict, Refused
from shared.settings import Secret
from shared.storage.blobs.container import Item
from tests.integration.backups.setup import PRIMARY, Meddled, Shelf

AT = datetime(2026, 3, 4, 5, 6, 7, 891, tzinfo=UTC)
SEAL = Seal(Secret(str(pyrage.x25519.Identity.generate())))
AZURE = 8 * 1024
either = pytest.mark.parametrize("seal", [None, SEAL], ids=["plain", "sealed"])

WORST = "\U0001f600" * 200
"""The longest that the API takes for a name, of characters that JSON makes twelve of."""
NAMES = [
    pytest.param(tuple(f"{n:03}{WORST[3:]}" for n in range(500)), id="emoji"),
    pytest.param(tuple(f"{n:03}{chr(1) * 197}" for n in range(500)), id="control characters"),
    pytest.param(tuple(f"{n:03}{'é' * 197}" for n in range(500)), id="accents"),
    pytest.param(tuple(f"schema_{n:03}" for n in range(500)), id="many"),
    pytest.param(tuple(f"a{n}" for n in range(170)), id="just short enough"),
    pytest.param((WORST,), id="one"),
    pytest.param((WORST[:165],), id="one that is told whole"),
    pytest.param(('"' * 200, "\\" * 200), id="quotes"),
]


def summary(**changes: Any) -> Summary:
    """One with everything as long as it can be."""
    values: dict[str, Any] = {
        "id": "f" * 32,
        "schedule_id": "s" * 100,
        "job_id": "s" * 100 + "-20260304T050607Z-" + "f" * 16 + "r10",
        "attempt": 100,
        "source": "s" * 20,
        "engine": "postgresql",
        "engine_version": "18.4 (Debian 18.4-1.pgdg120+1)",
        "dump_version": "pg_dump (PostgreSQL) 18.4 (Debian 18.4-1.pgdg120+1)",
        "database": WORST,
        "scope": "",
        "started_at": AT,
        "finished_at": AT,
        "duration_seconds": 86399.999,
        "compression": "zstd",
        "encrypted": True,
        "bytes": 10**15,
        "uncompressed_bytes": 10**15,
        "sha256": "f" * 64,
    }
    return Summary(**(values | changes))


def report(**changes: Any) -> Report:
    values: dict[str, Any] = {
        "backup_id": "f" * 32,
        "outcome": Outcome.VERIFIED,
        "at": AT,
        "job_id": summary().job_id,
        "how": "restored",
        "restore_seconds": 86399.999,
    }
    return Report(**(values | changes))


def size(metadata: dict[str, str]) -> int:
    """As Azure counts."""
    assert all(value.isascii() for value in metadata.values())
    return sum(len(name) + len(value) for name, value in metadata.items())


def read(metadata: dict[str, str], name: str, seal: Seal | None) -> Any:
    text = metadata[name]
    return json.loads(text if seal is None else seal.open(base64.b64decode(text)))


@either
@pytest.mark.parametrize("names", NAMES)
@pytest.mark.parametrize("kind", ["only", "but"])
def test_a_summary_fits_with_whatever_the_api_lets_in(
    names: tuple[str, ...], kind: str, seal: Seal | None
) -> None:
    one = summary(scope=str(Scope(**{kind: names})))
    for _ in range(20):  # each time age's header is of another length
        metadata = about_backup(one, seal)
        assert size(metadata) <= AZURE
        assert Summary.from_json(read(metadata, "summary", seal)) == one


@either
def test_the_room_that_is_counted_with_is_there(seal: Seal | None) -> None:
    """5,500 characters of JSON."""
    one = summary(dump_version="")
    one = replace(one, dump_version="v" * (5500 - len(_json(one))))
    assert len(_json(one)) == 5500
    for _ in range(500):
        assert size(about_backup(one, seal)) <= AZURE


def _json(one: Summary) -> str:
    return json.dumps(one.to_json(), separators=(",", ":"))


@either
def test_what_is_too_long_all_the_same_is_named(seal: Seal | None) -> None:
    wrong = summary(database="d" * 9000, scope="schemas a")
    with pytest.raises(Refused, match=r"its database is too long \(9002 characters") as raised:
        about_backup(wrong, seal)
    assert raised.value.service == "a blob's metadata"
    with pytest.raises(Refused, match="its error is too long"):
        about_report(report(outcome=Outcome.DAMAGED, error="e" * 9000), seal)


# Scopes


def test_a_scope_that_was_short_stays_as_it_was() -> None:
    assert str(Scope()) == ""
    assert str(Scope(only=("b", "a, c"))) == "schemas b, a, c"
    assert str(Scope(but=("é",))) == "all schemas but é"
    most = tuple(f"schema_{n:02}" for n in range(100))
    assert str(Scope(only=most)) == "schemas " + ", ".join(most)


def test_a_long_scope_tells_the_first_and_what_it_is() -> None:
    names = tuple(f"schema_{n:03}" for n in range(500))
    said = str(Scope(only=names))
    assert said.startswith("schemas schema_000, schema_001, ")
    first, _, digest = said.partition(" more, digest ")
    shown, _, more = first.partition(" and ")
    assert len(shown.split(", ")) + int(more) == 500
    assert len(digest) == 16
    assert len(said) < 500
    assert str(Scope(only=names)) == said, "it is the same each time: backups are grouped by it"


def test_long_scopes_that_differ_are_different_groups() -> None:
    names = tuple(f"schema_{n:03}" for n in range(500))
    scopes = [
        Scope(only=names),
        Scope(but=names),
        Scope(only=names[:-1]),
        Scope(only=(*names[:-1], "schema_xxx")),
        Scope(only=(*names[:-2], "schema_498, schema_499")),
        Scope(only=(WORST, *names)),
        Scope(only=(WORST[1:], *names)),
    ]
    assert len({str(one) for one in scopes}) == len(scopes)


class _Scoped(Meddled):
    """A source that is a part of something."""

    def __init__(self, source: Any, scope: str) -> None:
        super().__init__(source)
        self.scope = scope


@pytest.mark.parametrize("sealed", [False, True])
def test_a_backup_of_many_schemas(shelf: Shelf, database: SqliteSource, sealed: bool) -> None:
    """It is told by what stands in metadata; the manifest has all the names."""
    if sealed:
        shelf = replace(shelf, seal=SEAL)
    names = tuple(f"schéma_{n:03}" for n in range(2000))
    plan = BackupPlan(source="database", schemas=names)
    source = _Scoped(database, str(Scope(plan.schemas, plan.exclude_schemas)))
    shelf.take(source, schemas=names)
    with shelf.container() as container:
        for blob in container.list_blobs(include=["metadata"]):
            assert size(blob.metadata or {}) <= AZURE
    (one,) = shelf.backups()
    assert one.verified
    assert one.summary.scope == source.scope
    manifest = shelf.catalog[PRIMARY].manifest(one.copies[0])
    assert (manifest.schemas, manifest.exclude_schemas) == (names, ())


def test_a_manifest_of_before_says_no_schemas() -> None:
    one = Manifest(**_fields(summary()), blob="b", tables={}, schema={})
    values = one.to_json()
    for name in ("schemas", "exclude_schemas"):
        values.pop(name)
    assert Manifest.from_json(values) == one
    more = replace(one, exclude_schemas=("a", "b"))
    assert Manifest.from_json(json.loads(json.dumps(more.to_json()))) == more


def _fields(one: Summary) -> dict[str, Any]:
    return {name: getattr(one, name) for name in Summary.__dataclass_fields__}


# Suspicions

LONG = [f"table {'t' * n}.{'é' * n} had 5 rows and has none" for n in range(60, 160)]


@either
@pytest.mark.parametrize(
    "said",
    [
        pytest.param(LONG, id="many"),
        pytest.param(["\U0001f600" * 10_000], id="one that is too long"),
        pytest.param(["\U0001f600" * 10_000, "b"], id="two"),
        pytest.param(["\ud800" * 10_000, "b"], id="half characters"),
    ],
)
@pytest.mark.parametrize("error", [None, "\x01" * 500], ids=["whole", "with an error"])
def test_a_report_fits_with_whatever_is_suspicious(
    said: list[str], error: str | None, seal: Seal | None
) -> None:
    one = report(suspicions=tuple(said), error=error)
    metadata = about_report(one, seal)
    assert size(metadata) <= AZURE
    told = Report.from_json(read(metadata, "report", seal))
    assert replace(told, suspicions=()) == replace(one, suspicions=())
    *first, last = told.suspicions
    if len(said) > 1:
        assert last == f"and {len(said) - len(first)} more"
    if first and not first[0].endswith("..."):
        assert first == said[: len(first)]
    assert told.suspicions[0].startswith(said[0][:5].replace("\ud800", "\ufffd"))


@either
def test_a_report_has_room_for_every_rule_that_it_left_out(seal: Seal | None) -> None:
    """They are never cut: a restore goes by them."""
    rules = (f"constraint {'é' * 270}", f"domain {'a' * 280}", f"index {'é' * 270}")
    assert VerifyOrder(backup_id="b", without=rules).without == rules
    one = report(without=rules, suspicions=tuple(LONG))
    metadata = about_report(one, seal)
    assert size(metadata) <= AZURE
    assert Report.from_json(read(metadata, "report", seal)).without == rules
    with pytest.raises(ValueError, match="longer than 4000 characters"):
        VerifyOrder(backup_id="b", without=(*rules, f"index {'é' * 270}"))


@either
@given(st.lists(st.text(max_size=300), max_size=40))
def test_suspicions_of_any_kind(seal: Seal | None, said: list[str]) -> None:
    one = report(suspicions=tuple(said))
    metadata = about_report(one, seal)
    assert size(metadata) <= AZURE
    told = Report.from_json(read(metadata, "report", seal))
    assert bool(told.suspicions) == bool(said), "what is suspicious is held, and nothing else"
    if len(json.dumps(said)) < 4000:
        assert told == one


def test_the_report_itself_has_all_of_them(shelf: Shelf, database: SqliteSource) -> None:
    shelf.take(database)
    destination = shelf.catalog[PRIMARY]
    copy = shelf.backups()[0].copies[0]
    one = report(
        backup_id=copy.summary.id, at=copy.next_report(AT), suspicions=tuple(LONG), how="restored"
    )
    destination.write_report(copy.blob, one, encrypted=False)
    (seen,) = shelf.backups()
    assert seen.suspicions[0] == LONG[0]
    assert 2 < len(seen.suspicions) < len(LONG)
    with shelf.container() as container:
        name = report_name(copy.blob, one.outcome, one.at)
        content = container.get_blob_client(name).download_blob().readall()
    assert Report.from_json(json.loads(content)) == one
    # What is written of it beside another copy fits as it is.
    again = replace(one, suspicions=seen.suspicions)
    assert read(about_report(again, None), "report", None)["suspicions"] == [*seen.suspicions]


def test_a_listing_reads_what_was_written() -> None:
    one = summary(scope=str(Scope(only=(WORST, "b"))))
    items = [
        Item("blob", one.bytes, about_backup(one, SEAL)),
        Item(manifest_name("blob"), 1, about_backup(one, SEAL)),
        Item(report_name("blob", Outcome.VERIFIED, AT), 1, about_report(report(), SEAL)),
    ]
    found = copies(
        "primary",
        items,
        SEAL,
        lambda silent: {} if not silent else pytest.fail("nothing is to be read"),
    )
    (copy,) = found
    assert found.strange == 0
    assert copy.summary == one and copy.verified
    assert Backup(one, [copy]).group[3] == one.scope


def test_without_its_key_no_report_is_written_plain(shelf: Shelf, database: SqliteSource) -> None:
    taken = shelf.take(database)
    with pytest.raises(Conflict, match="BACKUP_ENCRYPTION_KEY"):
        shelf.catalog[PRIMARY].write_report(taken["blob"], report(), encrypted=True)
    assert len(shelf.everything()) == 4
