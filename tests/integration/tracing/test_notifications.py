"""A notification is sent in the trace of what asked for it, whoever sends it."""

from __future__ import annotations

from datetime import timedelta

from shared import tracing
from shared.notifications.double import Reply
from shared.notifications.model import NotificationStatus
from tests.integration.notifications.conftest import Office, office
from tests.spans import CALLER, TRACE, id_of, recorded, trace_of

__all__ = ["office"]


def test_a_later_attempt_is_in_the_trace_of_the_job_that_asked(office: Office) -> None:
    office.vendors.say("slack", Reply(503))
    with recorded() as spans:
        with tracing.continued(CALLER), tracing.span("job"):
            office.notifications().tell([("slack", "")], key="k", subject="s", text="t")
        with tracing.span("notification_sender"):
            (sent,) = office.later(timedelta(hours=1))
    job = f"{id_of(spans.one('job')):016x}"
    assert (sent.status, sent.trace) == (NotificationStatus.SENT, f"00-{TRACE}-{job}-01")
    first, second = spans.named("send slack")
    assert trace_of(first) == trace_of(second) == TRACE
    assert [(one.attributes or {})["attempt"] for one in (first, second)] == [1, 2]
    calls = [one for one in spans.all() if one.name.startswith("POST ")]
    assert [(one.attributes or {})["http.response.status_code"] for one in calls] == [503, 200]
    assert {one.parent.span_id for one in calls if one.parent} == {id_of(first), id_of(second)}
    assert trace_of(spans.one("notification_sender")) != TRACE


def test_one_that_was_asked_for_without_a_trace_is_sent_in_that_of_its_sender(
    office: Office,
) -> None:
    office.vendors.say("slack", Reply(503))
    office.notifications().tell([("slack", "")], key="k", subject="s", text="t")
    with recorded() as spans, tracing.span("notification_sender"):
        (sent,) = office.later(timedelta(hours=1))
    assert sent.trace == ""
    assert trace_of(spans.one("send slack")) == trace_of(spans.one("notification_sender"))
