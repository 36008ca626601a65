"""Compares what there is with what there must be; each difference is a line that says why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import select

from shared.data.database import reading
from shared.data.models import (
    Appointment,
    FeeStatus,
    NoShowFee,
    Owner,
    Reputation,
    ReputationChange,
    ReputationWeek,
    Vaccination,
)
from shared.notifications.listing import Wanted
from shared.notifications.model import Entry
from shared.notifications.outbox import Outbox
from shared.settings import Secret
from shared.storage.names import Names
from tests.soak.year.chores import Change, Fee
from tests.soak.year.life import Life
from tests.soak.year.messages import Message
from tests.soak.year.oracle import Expected

K = TypeVar("K")
V = TypeVar("V")

_PAGE = 900


def problems(life: Life, expected: Expected) -> Iterator[str]:
    """Everything that is not as it must be."""
    yield from (f"a task failed: {one}" for one in life.crashes)
    yield from life.hosts.engine.problems()
    yield from expected.messages.problems
    yield from _outbox(life, expected)
    yield from _rows(life.url, expected)
    yield from _fees(life, expected)
    yield from _reputations(life.url, expected)


def _outbox(life: Life, expected: Expected) -> Iterator[str]:
    """Each message is one record, which says what became of it."""
    entries = records(life)
    sent = {one.provider_id: one for one in entries if one.provider_id}
    known = {one.sid: one for one in expected.messages.known.values() if one.sid}
    for sid, message in known.items():
        entry = sent.pop(sid, None)
        if entry is None:
            yield f"{message.it.occasion}: sent as {sid}, and no record says so"
        elif entry.status.value != life.told.get(sid, "sent"):
            yield f"{message.it.occasion}: {entry.status}, and Twilio said {life.told.get(sid)}"
    yield from (f"a record says that {one.key} was sent, and it was not" for one in sent.values())
    if (asked := len(expected.messages.known)) != len(entries):
        yield f"there are {len(entries)} records of messages, and {asked} were asked for"
    by_status = {one.status.value for one in entries}
    yield from (f"a message is still {one}" for one in by_status & {"sending", "unsettled"})
    doubtful = sum(one.state == "doubtful" for one in expected.messages.known.values())
    unknown = sum(one.status.value == "unknown" for one in entries)
    if unknown != doubtful:
        yield f"{unknown} messages are unknown, and Twilio's answer to {doubtful} was lost"


def records(life: Life) -> list[Entry]:
    app = life.hosts.apps[0]
    outbox = Outbox(app.connection, Names(app.settings.prefix).notifications)
    found: list[Entry] = []
    total = 1
    while len(found) < total:
        page, total = outbox.page(Wanted(channel="sms"), len(found) // _PAGE + 1, _PAGE)
        found += page
    return found


def _rows(url: Secret, expected: Expected) -> Iterator[str]:
    facts = expected.facts
    columns = (Appointment.id, Appointment.status, Appointment.no_show_at)
    with reading(url) as at:
        appointments = {id: (status.value, no) for id, status, no in at.execute(select(*columns))}
        statuses = {
            id: status.value
            for id, status in at.execute(select(Vaccination.id, Vaccination.status))
        }
        agreed = _by_first(at.execute(select(Owner.id, Owner.sms_opted_in)))
    yield from _differ(
        "appointment (status, marked at)",
        appointments,
        {id: (one.status, one.no_show_at) for id, one in facts.appointments.items()},
    )
    wanted = {id: one.status for id, one in facts.vaccinations.items()}
    yield from _differ("status of vaccination", statuses, wanted)
    yield from _differ("opt-in of owner", agreed, facts.opted_in)


def _fees(life: Life, expected: Expected) -> Iterator[str]:
    fees = expected.chores.fees
    names = ("appointment_id", "owner_id", "amount_minor", "currency", "status")
    with reading(life.url) as at:
        rows = list(at.execute(select(*(getattr(NoShowFee, one) for one in names))))
        ids = _by_first(at.execute(select(NoShowFee.appointment_id, NoShowFee.id)))
    there = {id: Fee(owner, amount, currency) for id, owner, amount, currency, _ in rows}
    yield from _differ("fee of appointment", there, fees)
    if len(rows) != len(there):
        yield "an appointment has more than one fee"
    customers = {one.id: one.customer for one in life.plan.cast.owners.values()}
    statuses = {id: status for id, *_, status in rows}
    due = {
        id: FeeStatus.INVOICED if customers[one.owner] else FeeStatus.DUE
        for id, one in fees.items()
    }
    yield from _differ("status of the fee of appointment", statuses, due)
    invoices = [one for one in life.stripe.invoices.values() if one["status"] != "draft"]
    charged = [
        (one["metadata"]["belfry_fee"], one["customer"], one["total"], one["currency"].upper())
        for one in invoices
    ]
    wanted = [
        (str(ids.get(id)), customers[one.owner], one.amount, one.currency)
        for id, one in fees.items()
        if customers[one.owner]
    ]
    yield from (f"Stripe charged {one}, and must not" for one in _less(charged, wanted))
    yield from (f"Stripe did not charge {one}" for one in _less(wanted, charged))


def _reputations(url: Secret, expected: Expected) -> Iterator[str]:
    chores = expected.chores
    names = ("score_before", "score_after", "no_shows", "recovered")
    columns = (getattr(ReputationChange, one) for one in names)
    with reading(url) as at:
        query = select(ReputationChange.owner_id, ReputationChange.week_on, *columns)
        changes = {(owner, week): Change(*rest) for owner, week, *rest in at.execute(query)}
        scores = _by_first(at.execute(select(Reputation.owner_id, Reputation.score)))
        weeks = select(ReputationWeek.tenant_id, ReputationWeek.settled_on)
        settled = _by_first(at.execute(weeks))
    yield from _differ("change of the reputation of owner", changes, chores.changes)
    wanted = {owner: score for owner, (score, _) in chores.scores.items()}
    yield from _differ("score of owner", scores, wanted)
    yield from _differ("last week of tenant", settled, chores.settled)


def _differ(what: str, there: Mapping[K, V], wanted: Mapping[K, V]) -> Iterator[str]:
    for key in sorted({*there, *wanted}, key=str):
        if there.get(key) != wanted.get(key):
            yield f"{what} {key}: {there.get(key)}, and must be {wanted.get(key)}"


def _by_first(rows: Iterable[Any]) -> dict[Any, Any]:
    return {first: second for first, second in rows}


def _less(some: Sequence[object], others: Sequence[object]) -> list[object]:
    """Those of `some` that `others` lacks, counting repetitions."""
    left = list(others)
    found: list[object] = []
    for one in some:
        if one in left:
            left.remove(one)
        else:
            found.append(one)
    return found


def summary(life: Life, expected: Expected) -> str:
    """What happened, in figures."""
    messages: list[Message] = list(expected.messages.known.values())
    states: dict[str, int] = {}
    for one in messages:
        key = one.state if one.state != "never" else one.why.split(" until ")[0].split(" to 2")[0]
        states[key] = states.get(key, 0) + 1
    fees, changes = expected.chores.fees, expected.chores.changes
    return (
        f"{life.ran} runs, {len(messages)} messages {states}, "
        f"{expected.messages.contended} times a cap was reached, {len(fees)} fees, "
        f"{len(changes)} changes of reputations"
    )


def too_little(life: Life, expected: Expected) -> list[str]:
    """What did not happen often enough to be proved."""
    states = Counter(one.state for one in expected.messages.known.values())
    waited = Counter(one.why.split(" until")[0] for one in expected.messages.known.values())
    lost = [one for one in life.twilio.log if one.answer.status >= 500 and one.made]
    recovered = [one for one in expected.chores.changes.values() if one.recovered]
    happened = {
        "messages sent": states["sent"] // 200,
        "refused by Twilio": states["refused"],
        "whose answer was lost, and of which nobody knows": states["doubtful"],
        "whose answer was lost, and which Twilio found": len(lost) // 5,
        "that were of no use after quiet hours": sum("quiet" in one for one in waited),
        "caps reached": expected.messages.contended // 5,
        "requests to Stripe in vain": life.in_vain,
        "fees": len(expected.chores.fees) // 20,
        "points that came back": len(recovered) // 5,
    }
    return [name for name, count in happened.items() if not count]
