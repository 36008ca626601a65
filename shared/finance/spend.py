"""The spend guard: alerts people and pauses billing on a day that costs too much (L5).

1. People are alerted first, so that they hear of it even if the pausing lasts, or is killed. But a
   failure to alert does not keep billing from being paused: each step is tried, and then the run
   fails with what went wrong, and is tried again.
2. Every step may be done twice: an alert that is open is not told again, a pause that holds is not
   made again, and the message that billing is paused has the pause in its key.
3. A pause that Stripe did not carry out altogether is gone on with by each run, until it is done or
   a person resumes.
4. A day that is below the limit lifts nothing: that is a person's act.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date

from shared.alerts.port import AlertKind, AlertService
from shared.billing.port import BillingService, Pause, Paused
from shared.data.database import reading
from shared.errors import BelfryError, Misconfigured, Refused, Unavailable
from shared.finance import limit as rules
from shared.finance import sums
from shared.finance.limit import Limit, Switch, Verdict
from shared.settings import Secret
from shared.tasks import JobContext, Result

SPEND, BILLING = "daily spend", "billing"
"""What the alerts are about."""
FAILURES = (Unavailable, Refused, Misconfigured)
"""What services and the database raise. Anything else ends the run at once, such as being told to
stop."""
_LOGGED = 50
"""Errors of tenants in the log."""
_SAID = 5
"""Errors of tenants in an alert."""


def guard(
    url: Secret, limit: Limit, alerts: AlertService, billing: BillingService, job: JobContext
) -> Result:
    """Hold what was spent against the limit; the metrics."""
    day = job.due_at.astimezone(UTC).date()
    verdict = rules.judge(day, sums.spent(url, (rules.day_before(day), day)), limit)
    switch = switch_of(url)
    _log(job, verdict)
    if job.dry_run:
        return _told(verdict) | {
            "would_alert": verdict.above is not None,
            "would_pause": verdict.above is not None and switch.paused_at is None,
        }
    steps = _Steps()
    with steps.each():
        _tell_spend(alerts, verdict, switch)
    wish = _wish(verdict, switch)
    if wish is None:
        steps.end()
        return _told(verdict) | {"billing": "running", "tenants_paused": 0}
    found = _pause(url, alerts, billing, job, wish, steps)
    steps.end()
    return _told(verdict) | {
        "billing": found.outcome.value,
        "tenants_paused": found.tenants_paused,
    }


class _Steps:
    """Steps each of which is taken, whatever became of the others."""

    def __init__(self) -> None:
        self._failures: list[BelfryError] = []

    def failed(self, failure: BelfryError) -> None:
        """Keep a failure for the end."""
        self._failures.append(failure)

    @contextmanager
    def each(self) -> Iterator[None]:
        """One step."""
        try:
            yield
        except FAILURES as error:
            self.failed(error)

    def end(self) -> None:
        """Raise the failure that matters most: one after which another attempt may help."""
        for failure in sorted(self._failures, key=lambda one: one.permanent):
            raise failure


def switch_of(url: Secret) -> Switch:
    """How the switch of the billing stands."""
    from sqlalchemy import select

    from shared.data.models import BillingSwitch

    names = tuple(Switch.__slots__)
    query = select(*(getattr(BillingSwitch, name) for name in names)).where(BillingSwitch.id == 1)
    with reading(url) as connection:
        row = connection.execute(query).first()
    return Switch() if row is None else Switch(**row._mapping)


def _tell_spend(alerts: AlertService, verdict: Verdict, switch: Switch) -> None:
    """Open the alert, or close it."""
    kind = AlertKind.SPEND_EXCEEDED
    if verdict.above is not None:
        alerts.open(kind, SPEND, rules.above_in_words(verdict, switch))
    else:
        alerts.close(kind, SPEND, rules.below_in_words(verdict, switch))


def _wish(verdict: Verdict, switch: Switch) -> tuple[date, int, int] | None:
    """(day, spent, limit) of the pause that is needed, or that must be gone on with."""
    if verdict.above is not None:
        return *verdict.above, verdict.limit.minor
    if switch.paused_at is None or switch.paused_for is None:
        return None
    return switch.paused_for, switch.spent_minor or 0, switch.limit_minor or 0


def _pause(
    url: Secret,
    alerts: AlertService,
    billing: BillingService,
    job: JobContext,
    wish: tuple[date, int, int],
    steps: _Steps,
) -> Paused:
    """Pause billing, and tell people what became of it."""
    switch = Switch()
    try:
        found = billing.pause(job, *wish)
    except FAILURES as error:
        found = Paused(outcome=Pause.PARTLY, errors=(str(error),))
        steps.failed(error)
    else:
        if found.outcome is Pause.PARTLY:
            steps.failed(Unavailable(BILLING, f"not paused for all: {_first(found.errors)}"))
    with steps.each():
        switch = switch_of(url)
    for text in found.errors[:_LOGGED]:
        job.log("billing is not paused for all", level=logging.ERROR, error=text)
    with steps.each():
        _tell_pause(alerts, job, wish[0], found, switch)
    return found


def _tell_pause(
    alerts: AlertService, job: JobContext, day: date, found: Paused, switch: Switch
) -> None:
    """Say once what is new: that billing is paused, that it goes on by a person's word, or that it
    could not be paused; and close what is over."""
    if found.outcome is Pause.PARTLY:
        alerts.open(AlertKind.BILLING_STUCK, BILLING, _stuck(day, found, switch))
        return
    if found.outcome is Pause.RESUMED:
        text = f"{day} was above the limit. Billing goes on, as a person resumed it for that day."
        alerts.happened(AlertKind.BILLING_RESUMED, BILLING, text, key=f"goes_on:{day}")
    elif _is_new(job, found, switch):
        at = switch.paused_at.isoformat() if switch.paused_at else day.isoformat()
        text = f"Billing is paused because of {day}. A person resumes it."
        alerts.happened(AlertKind.BILLING_PAUSED, BILLING, text, key=f"paused:{at}")
    text = f"What {day} needs is done: {found.outcome.value}."
    alerts.close(AlertKind.BILLING_STUCK, BILLING, text)


def _is_new(job: JobContext, found: Paused, switch: Switch) -> bool:
    """Whether the pause is of this occurrence: made by this call, or by one of its runs that may
    have been killed before it could tell. An older pause has been told."""
    if found.outcome is Pause.PAUSED:
        return True
    return switch.paused_at is not None and switch.paused_at >= job.due_at


def _stuck(day: date, found: Paused, switch: Switch) -> str:
    own = (
        "Belfry's own switch is set, so no overage accrues here."
        if switch.paused_at is not None
        else "Belfry's own switch may not be set: OVERAGE MAY GO ON ACCRUING."
    )
    return (
        f"Billing could not be paused altogether because of {day}. {own} {_first(found.errors)} "
        "It is tried again; if that does not help, pause the subscriptions at Stripe yourself."
    )


def _first(errors: tuple[str, ...]) -> str:
    """The errors that a message has room for."""
    more = len(errors) - _SAID
    told = "; ".join(errors[:_SAID]) or "no reason was given"
    return f"{told}; and {more} more." if more > 0 else f"{told}."


def _log(job: JobContext, verdict: Verdict) -> None:
    limit = verdict.limit
    above = verdict.above is not None
    job.log(
        "the day's spend is above its limit" if above else "the day's spend is within its limit",
        level=logging.WARNING if above else logging.INFO,
        day=verdict.day.isoformat(),
        spent=limit.shown(verdict.spent_minor),
        day_before=limit.shown(verdict.day_before_minor),
        limit=limit.shown(limit.minor),
    )
    if any(verdict.not_counted.values()):
        job.log(
            "costs in other currencies are not counted against the limit; see SPEND_CURRENCY",
            level=logging.WARNING,
            **{f"{code}_minor": amount for code, amount in verdict.not_counted.items()},
        )


def _told(verdict: Verdict) -> dict[str, object]:
    """What a job's result says."""
    above = verdict.above
    return {
        "day": verdict.day.isoformat(),
        "currency": verdict.limit.currency,
        "limit_minor": verdict.limit.minor,
        "spent_minor": verdict.spent_minor,
        "spent_day_before_minor": verdict.day_before_minor,
        "exceeded": above is not None,
        "exceeded_on": above[0].isoformat() if above else None,
        "not_counted_minor": dict(verdict.not_counted),
    }
