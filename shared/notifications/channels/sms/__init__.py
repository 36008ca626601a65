"""Text messages to owners, through Twilio."""

from __future__ import annotations

import re

from shared.settings import Setting
from shared.settings.checks import base_url, url

_SENDER = r"\+[1-9]\d{6,14}|\d{3,8}|MG[0-9a-fA-F]{32}|(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}"


def _account(value: str) -> None:
    if not re.fullmatch(r"AC[0-9a-fA-F]{32}", value):
        raise ValueError("use the account's SID: AC and 32 hexadecimal digits")


def _from(value: str) -> None:
    if not re.fullmatch(_SENDER, value):
        raise ValueError(
            "use a number of yours at Twilio such as +15005550006, a short code, the SID of a "
            "Messaging Service (MG...), or a name of at most 11 letters and digits"
        )


SETTINGS = (
    Setting(
        "TWILIO_ACCOUNT_SID",
        "",
        "Account at Twilio, by which text messages go; TWILIO_AUTH_TOKEN and TWILIO_FROM belong to "
        "it. Without one, text messages stay in the outbox (GET /api/v1/notifications).",
        check=_account,
    ),
    Setting(
        "TWILIO_AUTH_TOKEN",
        "",
        "The account's primary token, with which Twilio also signs what it tells us.",
        secret=True,
    ),
    Setting(
        "TWILIO_FROM",
        "",
        "Sender of text messages: a number, or a Messaging Service (MG...).",
        check=_from,
    ),
    Setting(
        "TWILIO_WEBHOOK_SECRET",
        "",
        "Secret of the shared key with which Twilio signs, if a webhook rule of the account uses "
        "one. Default: what is signed by one is refused.",
        secret=True,
        optional=True,
    ),
    Setting("TWILIO_URL", "https://api.twilio.com", "Where Twilio answers.", check=url),
    Setting(
        "PUBLIC_BASE_URL",
        "",
        "Where this app is reached from outside, such as https://belfry.example.com. Twilio sends "
        "the status of each text message and each answer to paths below it, and signs with it. "
        "Without it, none is asked for, and all that comes is refused.",
        check=base_url,
        optional=True,
    ),
)
