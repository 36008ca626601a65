"""The test double of Slack."""

from __future__ import annotations

from shared.notifications.double import Double, Reply

_PATH = "/services/T0/B0/sl4ck-hush-0123456789"

DOUBLE = Double(
    settings=lambda url: {"SLACK_WEBHOOK_URL": url + _PATH},
    path=_PATH,
    secret="sl4ck-hush-0123456789",
    well=Reply(200, "ok"),
)
