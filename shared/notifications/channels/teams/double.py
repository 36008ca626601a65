"""The test double of Teams."""

from __future__ import annotations

from shared.notifications.double import Double, Reply

_PATH = "/workflows/1/triggers/manual/paths/invoke?sp=%2Ftriggers&sig=t34ms-hush-0123456789"

DOUBLE = Double(
    settings=lambda url: {"TEAMS_WEBHOOK_URL": url + _PATH},
    path=_PATH,
    secret="t34ms-hush-0123456789",
    well=Reply(202),
)
