"""`/api/v1/alerts`: the problems that people were told of (L12, O11), and who looks after them."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter

from shared.alerts.model import AlertState
from shared.alerts.port import AlertKind
from shared.api.alerts import seen
from shared.api.deps import Asking, Provided
from shared.api.fields import Input, Name
from shared.api.lists import PAGE_SIZE, Page, Paged, PageSize, fitting, page_of
from shared.api.shown import Shown, at
from shared.audit.port import Action, Subject

router = APIRouter(prefix="/api/v1/alerts", tags=["alerts"])

_RECENT = 1000
"""How many alerts that are over can be listed."""


class Acknowledge(Input):
    """Who looks after an alert."""

    by: Name
    """A name or an address; shown with the alert, and in what is still told of it."""


class NamedOut(Shown):
    """One subject of a group of events."""

    about: str
    text: str


class AlertOut(Shown):
    """A problem, or many events of one kind together."""

    id: str
    kind: AlertKind
    severity: str
    """critical, warning or info."""
    about: str
    """What has the problem, such as a schedule's id; empty for events, whose `names` say it."""
    state: AlertState
    opened_at: datetime
    resolved_at: datetime | None
    """Null while it lasts."""
    text: str
    """What was said of it last."""
    count: int
    """How often the problem began, or how many events there were."""
    names: list[NamedOut]
    """Of events: the first subjects, at most 20."""
    what_to_do: str
    docs: str
    """The section that says more."""
    tellings: int
    """How often people were told."""
    last_told_at: datetime | None = at("told_at")
    acknowledged_at: datetime | None
    """Since then there are no reminders."""
    acknowledged_by: str


class AlertList(Paged):
    alerts: list[AlertOut]


@router.get("")
def list_alerts(
    app: Provided,
    by: Asking,
    state: AlertState | None = None,
    kind: AlertKind | None = None,
    page: Page = 1,
    page_size: PageSize = PAGE_SIZE,
) -> AlertList:
    """Alerts that fit every filter given: those that are open or were until a while ago, then up to
    1,000 from before, newest first."""
    belfry = app()
    found = seen.seen(belfry, by, belfry.alerts().all(_RECENT))
    items, told = page_of(fitting(found, {"state": state, "kind": kind}), page, page_size)
    return AlertList(alerts=[AlertOut.model_validate(one) for one in items], **told)


@router.get("/{alert_id}")
def read_alert(app: Provided, by: Asking, alert_id: str) -> AlertOut:
    """One alert."""
    return AlertOut.model_validate(seen.one(app(), by, alert_id))


@router.post("/{alert_id}/acknowledge")
def acknowledge_alert(app: Provided, by: Asking, alert_id: str, request: Acknowledge) -> AlertOut:
    """Say that somebody looks after it: there are no more reminders. Its end is still told, and so
    is whatever is worse. The first who says so stays on record."""
    belfry = app()
    found = seen.one(belfry, by, alert_id)
    seen.hold_whole(by, found)
    before = {"kind": found.kind, "about": found.about, "acknowledged_by": found.acknowledged_by}
    subject = Subject("alert", found.id)
    with belfry.audit.changing(by, Action.ACKNOWLEDGE, subject, before) as change:
        done = belfry.alerts().acknowledge(alert_id, request.by)
        change.after = before | {"acknowledged_by": done.acknowledged_by}
    return AlertOut.model_validate(done)
