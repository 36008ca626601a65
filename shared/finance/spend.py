"""The spend guard: alerts people and pauses billing on a day that costs too much (L5).

1. People are alerted first, so that they hear of it even if the pausing lasts, or is killed. But a
   failure to alert does not keep billing from being paused: each step is tried, and then the run
   fails with what went wrong, and is tried again.
2. Every step may be done twice: an alert that is open is not told again, a pause that holds is not
   made again.
3. What Stripe did not carry out altogether, of a pause or of a person's resuming, is gone on with
   by each run until it is done.
4. A day that is below the limit lifts nothing: that is a person's act.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date

from shared.alerts.port import AlertKind, AlertService
from shared.billing.port import ALERT, BillingService, Pause, Paused
from shared.billing.switch import Switch, SwitchRow
from shared.billing.telling import tell
from shared.errors import BelfryError, Misconfigured, Refused, Unavailable
from shared.finance import limit as rules
from shared.finance import sums
from shared.finance.limit import Limit, Verdict
from shared.settings import Secret
from shared.tasks import JobContext, Result

SPEND = "daily spend"
"""What the alert of the spend is about."""
FAILURES = (Unavailable, Refused, Misconfigured)
"""What services and the database raise. Anything else ends the run at once, such as being told to
stop."""
_SAID = 5
"""Errors of tenants in an alert."""
_CLAIMED = "another run is asking Stripe, or was killed while it did"


def guard(
    url: Secret, limit: Limit, alerts: AlertService, billing: BillingService, job: JobContext
) -> Result:
    """Hold what was spent against the limit; the metrics."""
    day = job.due_at.astimezone(UTC).date()
    verdict = rules.judge(day, sums.spent(url, (rules.day_before(day), day)), limit)
    _log(job, verdict)
    if job.dry_run:
        return _told(verdict) | {"dry_run": True} | _rehearsed(billing, verdict, job)
    switch = SwitchRow(url, job.clock).read()
    steps = _Steps()
    with steps.each():
        _tell_spend(alerts, verdict, switch)
    if verdict.above is None:
        _settle(alerts, billing, job, switch, steps)
        steps.end()
        return _told(verdict) | {"billing": "paused" if switch.is_paused else "running"}
    found = _pause(alerts, billing, job, verdict, steps)
    steps.end()
    outcome = {"billing": found.outcome.value, "tenants_paused": found.tenants_paused}
    return _told(verdict) | outcome


def _rehearsed(billing: BillingService, verdict: Verdict, job: JobContext) -> dict[str, object]:
    """What a dry run's result says besides."""
    if verdict.above is None:
        return {"would_alert": False, "would_pause": False}
    found = billing.pause(job, *verdict.above, verdict.limit.minor, verdict.limit.currency)
    return {"would_alert": True, "would_pause": found.outcome is Pause.PAUSED}


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


def _tell_spend(alerts: AlertService, verdict: Verdict, switch: Switch) -> None:
    """Open the alert, or close it."""
    kind = AlertKind.SPEND_EXCEEDED
    if verdict.above is not None:
        alerts.open(kind, SPEND, rules.above_in_words(verdict, switch))
    else:
        alerts.close(kind, SPEND, rules.below_in_words(verdict, switch))


def _pause(
    alerts: AlertService,
    billing: BillingService,
    job: JobContext,
    verdict: Verdict,
    steps: _Steps,
) -> Paused:
    """Pause billing because of the day that is above the limit, and say what became of it."""
    day, spent = verdict.above or (verdict.day, verdict.spent_minor)
    try:
        found = billing.pause(job, day, spent, verdict.limit.minor, verdict.limit.currency)
    except FAILURES as error:
        found = Paused(outcome=Pause.PARTLY, errors=(str(error),))
        steps.failed(error)
    else:
        if found.outcome is Pause.PARTLY:
            steps.failed(_left("paused", found.errors))
    with steps.each():
        _tell_pause(alerts, billing, day, found)
    return found


def _tell_pause(alerts: AlertService, billing: BillingService, day: date, found: Paused) -> None:
    """Say whether billing is paused, and whether it could not be paused altogether."""
    if found.outcome is Pause.PARTLY:
        _tell_stuck(alerts, day, found.errors, own=found.paused_for is not None)
    if found.paused_for is not None or found.outcome is Pause.RESUMED:
        tell(alerts, billing)
    if found.outcome is Pause.PARTLY:
        return
    alerts.close(AlertKind.BILLING_STUCK, ALERT, f"Billing is as it should be for {day}.")


def _settle(
    alerts: AlertService, billing: BillingService, job: JobContext, switch: Switch, steps: _Steps
) -> None:
    """Do what earlier runs, or a person who resumed, left undone at Stripe."""
    with steps.each():
        tell(alerts, billing)
    with steps.each():
        found = billing.settle(job)
        if found.left:
            steps.failed(_left("paused" if switch.is_paused else "resumed", found.errors))
        if found.left and switch.is_paused:
            _tell_stuck(alerts, switch.paused_for or job.due_at.date(), found.errors, own=True)
        else:
            alerts.close(AlertKind.BILLING_STUCK, ALERT, "Nothing is left to be paused.")


def _tell_stuck(alerts: AlertService, day: date, errors: tuple[str, ...], *, own: bool) -> None:
    """Open the alert; it is louder as long as Belfry's own switch may not be set.

    Not without an error: then another run is asking Stripe, or was killed while it did. This run
    fails, and its next attempt does the rest once the claim has ended, or meets the error.
    """
    if not errors:
        return
    said = (
        "Belfry's own switch is set, so no overage accrues here."
        if own
        else "Belfry's own switch may not be set: OVERAGE MAY GO ON ACCRUING."
    )
    text = (
        f"Billing could not be paused altogether because of {day}. {said} {_first(errors)} It is "
        "tried again; if that does not help, pause the subscriptions at Stripe yourself."
    )
    alerts.open(AlertKind.BILLING_STUCK, ALERT, text, level=0 if own else 1)


def _left(what: str, errors: tuple[str, ...]) -> Unavailable:
    return Unavailable(ALERT, f"it is not {what} for all: {_first(errors)}")


def _first(errors: tuple[str, ...]) -> str:
    """The errors that a message has room for."""
    more = len(errors) - _SAID
    told = "; ".join(errors[:_SAID]) or _CLAIMED
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
