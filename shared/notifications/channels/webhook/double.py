"""The test double of somebody's webhook."""

from __future__ import annotations

from shared.notifications.double import Double, Reply

DOUBLE = Double(
    settings=lambda url: {
        "WEBHOOK_URL": f"{url}/alerts/w3bhook-hush-0123456789",
        "WEBHOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    },
    path="/alerts/w3bhook-hush-0123456789",
    secret="w3bhook-hush-0123456789",
    well=Reply(204),
)
