"""What makes Belfry degraded or unhealthy; docs/health-summary.md has the same rules as a table."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.alerts.kinds import Severity
from shared.engine.dispatch import facts, uptime
from shared.engine.dispatch.facts import Facts, Known
from shared.health_summary import rules
from shared.health_summary.model import (
    NO_DATABASE,
    AlertSeen,
    BackupSeen,
    Database,
    Ended,
    Errors,
    Health,
    OpenCircuit,
    Part,
    Reading,
    Seen,
    Signs,
)
from shared.storage.tables.facts import Fact

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DOC = Path(__file__).parents[3] / "docs/health-summary.md"


def signs(last: datetime | None = NOON, latency: float = 5.0, **more: datetime) -> Signs:
    beats = {} if last is None else {"schedule_dispatcher": last}
    known = {"schedule_dispatcher": Known("0 * * * * *", NOON - 60 * MINUTE)}
    found = Facts(known=known, beats={**beats, **more}, up=NOON - 60 * MINUTE)
    return Signs(facts=found, life=uptime.begun(NOON), latency_ms=latency)


def seen(value: Any) -> Seen[Any]:
    return Seen(value=value, at=NOON)


WELL = Reading(
    storage=seen(signs()),
    database=seen(Database(kind="postgresql", connected=True, latency_ms=3.0)),
    queues=seen({"jobs": 9, "jobs_poison": 0, "long_jobs_poison": 0}),
    errors=seen(Errors(last_hour=Ended(), last_24_hours=Ended())),
    circuits=seen([]),
    backups=seen([]),
    alerts=seen([]),
)
OLD = BackupSeen(
    source="shop",
    database="orders",
    schedule_id="p",
    last_good_at=None,
    expected_by=NOON - 60 * MINUTE,
    too_old=True,
    sentence="",
)
CIRCUIT = OpenCircuit(name="sms:main", opened_at=NOON, next_probe_at=None, error="503")


def alert(severity: Severity) -> AlertSeen:
    return AlertSeen(
        id="1", kind="job_dead", about="x", severity=severity, opened_at=NOON, what_to_do="mend it"
    )


def errors(failed: int, ended: int) -> dict[str, Any]:
    day = Ended(ended=ended, failed=failed)
    return {"errors": seen(Errors(last_hour=day, last_24_hours=day))}


CASES: list[tuple[str, dict[str, Any], Health, str]] = [
    ("all is well", {}, Health.HEALTHY, ""),
    ("no database is set", {"database": seen(NO_DATABASE)}, Health.HEALTHY, ""),
    (
        "storage",
        {"storage": Seen(problem="503", since=NOON), "queues": Seen(problem="503")},
        Health.UNHEALTHY,
        "storage",
    ),
    ("slow storage", {"storage": seen(signs(latency=1001))}, Health.DEGRADED, "storage"),
    ("late", {"storage": seen(signs(NOON - 4 * MINUTE))}, Health.UNHEALTHY, "clocks"),
    ("never ticked", {"storage": seen(signs(None))}, Health.UNHEALTHY, "clocks"),
    (
        "a silent clock",
        {"storage": seen(signs(NOON - 9 * MINUTE, work=NOON))},
        Health.DEGRADED,
        "clocks",
    ),
    ("database hangs", {"database": Seen(problem="late")}, Health.UNHEALTHY, "database"),
    (
        "database away",
        {"database": seen(Database(kind="sqlite", connected=False, problem="no file"))},
        Health.UNHEALTHY,
        "database",
    ),
    (
        "database does not fit",
        {"database": seen(Database(kind="sqlite", connected=True, problem="0001"))},
        Health.DEGRADED,
        "database",
    ),
    (
        "slow database",
        {"database": seen(Database(kind="sqlite", connected=True, latency_ms=1500))},
        Health.DEGRADED,
        "database",
    ),
    ("poison", {"queues": seen({"jobs_poison": 1})}, Health.DEGRADED, "queues"),
    ("few jobs fail", errors(1, 20), Health.HEALTHY, ""),
    ("few jobs ran", errors(19, 19), Health.HEALTHY, ""),
    ("some jobs fail", errors(2, 20), Health.DEGRADED, "errors"),
    ("most jobs fail", errors(11, 20), Health.UNHEALTHY, "errors"),
    ("a circuit", {"circuits": seen([CIRCUIT])}, Health.DEGRADED, "circuits"),
    ("an old backup", {"backups": seen([OLD])}, Health.DEGRADED, "backups"),
    ("a warning", {"alerts": seen([alert(Severity.WARNING)])}, Health.HEALTHY, ""),
    ("a critical", {"alerts": seen([alert(Severity.CRITICAL)])}, Health.DEGRADED, "alerts"),
    ("unknown", {"backups": Seen(problem="away", since=NOON)}, Health.DEGRADED, "backups"),
]


def test_each_rule_alone() -> None:
    for name, changes, status, part in CASES:
        found = rules.reasons(replace(WELL, **changes), NOON)
        assert rules.status(found) is status, name
        assert [one.part for one in found] == [part] * bool(part), name
        for one in found:
            assert one.text and one.what_to_do, name
            assert one.since is not None or name in ("database hangs", "database away"), name


def test_the_docs_have_each_rule() -> None:
    table = DOC.read_text().partition("| part |")[2].partition("\n\n")[0]
    told = {
        (cells[1].strip(), cells[2].strip())
        for cells in (line.split("|") for line in table.splitlines()[2:])
    }
    wanted = {(part, status.value) for _, _, status, part in CASES if part}
    assert told == wanted | {("any other", "degraded")} - {("", "")}


CHANGES = [changes for _, changes, _, _ in CASES]


@given(st.lists(st.sampled_from(CASES), max_size=4), st.integers(-600, 600))
def test_the_worst_decides_and_storage_hides_what_it_holds(
    cases: list[tuple[str, dict[str, Any], Health, str]], seconds: int
) -> None:
    changes = {key: value for _, some, _, _ in cases for key, value in some.items()}
    found = rules.reasons(replace(WELL, **changes), NOON + timedelta(seconds=seconds))
    ranks = [one.status.rank for one in found]
    assert ranks == sorted(ranks, reverse=True)
    assert rules.status(found).rank == max(ranks, default=0)
    parts = {one.part for one in found}
    if changes.get("storage", WELL.storage).problem is not None:
        assert parts <= {Part.STORAGE, Part.DATABASE}


ROWS = st.dictionaries(
    st.sampled_from(["clock:a", "clock:b", facts.KNOWN, facts.UP, facts.PAUSE, facts.LIFE]),
    st.sampled_from(["", "x", "null", "[]", "{}", NOON.isoformat(), "2026-03-01T12:00:00"])
    | st.text(max_size=12),
)


@given(ROWS)
def test_garbled_rows_break_nothing(rows: dict[str, str]) -> None:
    read = facts.read({key: Fact(value, "etag") for key, value in rows.items()})
    garbled = Signs(facts=read, life=uptime.read(read.life), latency_ms=1.0)
    found = rules.reasons(replace(WELL, storage=seen(garbled)), NOON)
    assert {one.part for one in found} <= {"clocks"}
