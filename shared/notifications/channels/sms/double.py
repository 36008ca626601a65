"""The test double of Twilio, as far as all channels are alike. `tests/vendors/twilio.py` plays all
of it."""

from __future__ import annotations

from shared.notifications.double import Double, Reply

ACCOUNT = "AC" + "0123456789abcdef" * 2
SENDER = "+15005550006"

DOUBLE = Double(
    settings=lambda url: {
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        "TWILIO_AUTH_TOKEN": "t0ken-hush-12345",
        "TWILIO_FROM": SENDER,
        "TWILIO_WEBHOOK_SECRET": "sh4red-hush-67890",
        "TWILIO_URL": url,
        "PUBLIC_BASE_URL": "https://belfry.example.com",
    },
    path=f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json",
    secret="t0ken-hush-12345",
    well=Reply(201, '{"sid": "SM00000000000000000000000000000001", "status": "queued"}'),
)
