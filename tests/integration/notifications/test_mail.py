"""Mail with HTML and pictures: what SendGrid gets, and what it refuses."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime

import pytest

from shared.errors import Refused
from shared.notifications import channels, kinds
from shared.notifications.content import Content
from shared.notifications.double import Reply
from shared.notifications.model import MAIL, Entry, NotificationStatus, notification_id
from shared.notifications.rendering import render
from shared.notifications.sending import Sender
from shared.settings import from_env
from tests.integration.notifications.vendors import Vendors, settings_of, vendors

NOW = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
ENTRY = Entry(
    id=notification_id("0" * 32, NOW),
    key="report",
    channel=MAIL,
    recipient="ana@example.com",
    subject="",
    text="",
    status=NotificationStatus.SENDING,
    created_at=NOW,
    next_at=NOW,
)


def sender(at: Vendors) -> Sender:
    environ = {"AzureWebJobsStorage": "UseDevelopmentStorage=true"} | settings_of([MAIL], at.url)
    return channels.senders(from_env(environ, channels=channels.declared()).channels)[MAIL]


def test_a_report_goes_as_text_and_html_with_its_picture_inline() -> None:
    content = render("cost_report", kinds.kind("cost_report").sample, "de")
    with vendors() as at:
        receipt = sender(at).send(ENTRY, content)
    (got,) = at.to(MAIL)
    assert receipt.provider_id == "sg-1"
    assert got.body["subject"] == content.subject
    assert got.body["content"] == [
        {"type": "text/plain", "value": content.text},  # SendGrid wants the text first
        {"type": "text/html", "value": content.html},
    ]
    (picture,) = got.body["attachments"]
    assert base64.b64decode(picture.pop("content")) == content.images["chart-eur"]
    assert picture == {
        "type": "image/png",
        "filename": "chart-eur.png",
        "disposition": "inline",
        "content_id": "chart-eur",
    }
    assert re.findall(r'src="cid:([^"]*)"', content.html) == ["chart-eur"]


def test_what_sendgrid_keeps_for_its_events_says_nothing_of_the_person() -> None:
    with vendors() as at:
        sender(at).send(ENTRY, Content(subject="s", text="t"))
    (got,) = at.to(MAIL)
    assert got.body["custom_args"] == {"notification_id": ENTRY.id}
    assert "attachments" not in got.body and len(got.body["content"]) == 1


@pytest.mark.parametrize("status", [400, 413])
def test_what_is_wrong_or_too_large_is_refused_for_good(status: int) -> None:
    with vendors() as at:
        at.say(MAIL, Reply(status, '{"errors":[{"message":"too large"}]}'))
        with pytest.raises(Refused, match=f"answered {status}: .*too large"):
            sender(at).send(ENTRY, Content(subject="s", text="t", html="<p>t</p>"))
    assert Refused.permanent
