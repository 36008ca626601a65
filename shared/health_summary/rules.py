"""How Belfry is: a function of (what is known, now). docs/health-summary.md has these rules as a
table, and a test holds the two together.

What is healthy has no reason; otherwise the worst reason decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from shared.alerts.kinds import Severity
from shared.engine.dispatch import health
from shared.engine.dispatch.facts import believed
from shared.engine.dispatch.liveness import Liveness, liveness
from shared.engine.dispatch.uptime import LONGEST
from shared.health_summary.model import Ended, Health, Part, Reading, Reason, Seen, Signs

SLOW_MS = 1_000
"""An answer of storage or of the database that takes longer is slow."""
FEW = 20
"""Of fewer jobs an hour, the error rate says nothing."""
SOME, MANY = 0.05, 0.5
"""Error rates of an hour: above `SOME` it is degraded, above `MANY` unhealthy."""
POISON = ("jobs_poison", "long_jobs_poison")
NAMED = 5
"""How many things of a kind a reason names."""
_DOWN, _HURT = Health.UNHEALTHY, Health.DEGRADED


def status(reasons: Iterable[Reason]) -> Health:
    """The worst that they say."""
    return max((one.status for one in reasons), key=lambda one: one.rank, default=Health.HEALTHY)


def reasons(found: Reading, now: datetime) -> list[Reason]:
    """Why Belfry is not healthy, the worst first; none if it is."""
    told = [*_storage(found.storage), *_database(found)]
    if found.storage.problem is None:
        told += [
            *_clocks(found.storage.value, now),
            *_poison(found),
            *_errors(found, now),
            *_circuits(found),
            *_backups(found),
            *_alerts(found),
            *_unknown(found),
        ]
    return sorted(told, key=lambda one: -one.status.rank)


def _storage(found: Seen[Signs]) -> Iterator[Reason]:
    """If storage is away, all else that is read from it is not told again."""
    if found.problem is not None:
        yield Reason(
            part=Part.STORAGE,
            status=_DOWN,
            text=f"The app's storage does not answer: {found.problem}. Nothing runs until it does.",
            since=found.since,
            what_to_do="Look at the storage account: its health, its firewall, the roles of the "
            "app's identity (docs/monitoring.md, storage-away). Nothing is lost.",
        )
    elif found.value is not None and found.value.latency_ms > SLOW_MS:
        yield Reason(
            part=Part.STORAGE,
            status=_HURT,
            text=f"The app's storage is slow: it took {found.value.latency_ms:.0f} ms to answer.",
            since=found.at,
            what_to_do="Look at the storage account's latency and throttling in the portal.",
        )


def _database(found: Reading) -> Iterator[Reason]:
    seen, known = found.database, found.database.value
    if seen.problem is not None:
        yield _no_database(seen.problem, seen.since)
    elif known is None or not known.checked:
        return
    elif not known.connected:
        yield _no_database(known.problem or "it gave no reason", known.since)
    elif known.problem is not None:
        yield Reason(
            part=Part.DATABASE,
            status=_HURT,
            text=f"The company's database does not fit: {known.problem}.",
            since=seen.at,
            what_to_do="Do what the reason says; docs/data.md tells how.",
        )
    elif known.latency_ms is not None and known.latency_ms > SLOW_MS:
        yield Reason(
            part=Part.DATABASE,
            status=_HURT,
            text=f"The company's database is slow: it took {known.latency_ms:.0f} ms to answer.",
            since=seen.at,
            what_to_do="Look at the database's load, and at long queries.",
        )


def _no_database(problem: str, since: datetime | None) -> Reason:
    return Reason(
        part=Part.DATABASE,
        status=_DOWN,
        text=f"The company's database is not connected: {problem}. Tasks that need it fail; "
        "schedules and backups go on.",
        since=since,
        what_to_do="Look whether the database runs, and whether DATABASE_URL is right "
        "(`python -m functions database status`).",
    )


def _clocks(signs: Signs | None, now: datetime) -> Iterator[Reason]:
    if signs is None:
        return
    facts = believed(signs.facts, now)
    how = liveness(facts.beats.values(), now)
    last = max(facts.beats.values(), default=None)
    begun = min((one.since for one in facts.known.values()), default=now)
    if how is Liveness.LATE or (how is Liveness.STARTING and now - begun > LONGEST):
        said = "has ticked for over three minutes" if last else "has ever ticked"
        yield Reason(
            part="clocks",
            status=_DOWN,
            text=f"No clock {said}, so nothing runs.",
            since=last or begun,
            what_to_do="See docs/monitoring.md, tick-stopped. Until it is mended, tick by hand: "
            "POST /tick.",
        )
        return
    silent = [one for one in health.judged(now, facts) if not one.is_warning]
    if silent:
        yield Reason(
            part="clocks",
            status=_HURT,
            text=f"Silent: {_named([one.clock for one in silent])}. The other clocks keep all "
            "schedules running.",
            since=min(one.since for one in silent),
            what_to_do="See docs/alerts.md, clock_silent.",
        )


def _poison(found: Reading) -> Iterator[Reason]:
    lengths = found.queues.value or {}
    given_up = sum(lengths.get(name, 0) for name in POISON)
    if given_up:
        yield Reason(
            part=Part.QUEUES,
            status=_HURT,
            text=f"{_many(given_up, 'message')} came back too often and wait among the poison.",
            since=found.queues.at,
            what_to_do="Their jobs are sent again, or end as failed, when the poison queue is "
            "read. If they stay, see docs/monitoring.md, messages-poisoned.",
        )


def _errors(found: Reading, now: datetime) -> Iterator[Reason]:
    errors = found.errors.value
    if errors is None or not _says_something(errors.last_hour):
        return
    hour = errors.last_hour
    yield Reason(
        part=Part.ERRORS,
        status=_DOWN if hour.rate > MANY else _HURT,
        text=f"{hour.failed} of the {hour.ended} jobs of the last hour failed "
        f"({100 * hour.rate:.0f} %).",
        since=(found.errors.at or now) - timedelta(hours=1),
        what_to_do="One task, or all? GET /api/v1/jobs?status=failed says. If all fail, something "
        "that all need is away: the database, a vendor, a key.",
    )


def _says_something(hour: Ended) -> bool:
    return hour.ended >= FEW and hour.rate > SOME


def _circuits(found: Reading) -> Iterator[Reason]:
    opened = found.circuits.value or ()
    if opened:
        since = [one.opened_at for one in opened if one.opened_at is not None]
        yield Reason(
            part=Part.CIRCUITS,
            status=_HURT,
            text=f"Providers are away: {_named([one.name for one in opened])}. What is to be sent "
            "by them waits.",
            since=min(since, default=None),
            what_to_do="GET /api/v1/notifications/circuits has the errors. Look at the provider's "
            "status page, and whether our key is good.",
        )


def _backups(found: Reading) -> Iterator[Reason]:
    old = [one for one in found.backups.value or () if one.too_old]
    if old:
        due = [one.expected_by for one in old if one.expected_by is not None]
        names = ["/".join(filter(None, (one.source, one.database))) for one in old]
        yield Reason(
            part=Part.BACKUPS,
            status=_HURT,
            text=f"No good backup since one was due: {_named(names)}.",
            since=min(due, default=None),
            what_to_do="Run the plan now: POST /api/v1/backups/plans/{id}/run; see "
            "docs/alerts.md, backup_too_old.",
        )


def _alerts(found: Reading) -> Iterator[Reason]:
    critical = [one for one in found.alerts.value or () if one.severity is Severity.CRITICAL]
    if critical:
        first = min(critical, key=lambda one: one.opened_at)
        yield Reason(
            part=Part.ALERTS,
            status=_HURT,
            text=f"Critical alerts are open: {_named([one.kind for one in critical])}.",
            since=first.opened_at,
            what_to_do=first.what_to_do,
        )


def _unknown(found: Reading) -> Iterator[Reason]:
    for part in Part:
        seen = found.of(part)
        if seen.problem is not None and part not in (Part.STORAGE, Part.DATABASE):
            yield Reason(
                part=part,
                status=_HURT,
                text=f"It is not known how this is: {seen.problem}.",
                since=seen.since,
                what_to_do="If it lasts, look for `health_part_failed` in the log.",
            )


def _named(names: Sequence[str]) -> str:
    """The first of them, each once."""
    each = list(dict.fromkeys(names))
    more = f" and {len(each) - NAMED} more" if len(each) > NAMED else ""
    return ", ".join(each[:NAMED]) + more


def _many(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")
