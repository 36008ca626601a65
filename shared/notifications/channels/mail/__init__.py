"""Mail to each recipient, through SendGrid."""

from __future__ import annotations

import re

from shared.settings import Setting
from shared.settings.checks import url

_P256 = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"
"""How a public key of the curve P-256 begins: what precedes the point (RFC 5480), in Base64."""


def _address(value: str) -> None:
    if not re.fullmatch(r"[^@\r\n]*[^@\s]@[^@\s]+", value):
        raise ValueError("use an e-mail address, such as belfry@example.com")


def _public_key(value: str) -> None:
    if not re.fullmatch(rf"{_P256}[A-Za-z0-9+/]{{86}}==", value):
        raise ValueError(
            "use the verification key as SendGrid shows it: 124 characters of Base64, which begin "
            f"with {_P256[:12]}..."
        )


SETTINGS = (
    Setting(
        "SENDGRID_API_KEY",
        "",
        "Key of SendGrid, by which mail goes; MAIL_FROM belongs to it. Without one, mail stays in "
        "the outbox (GET /api/v1/notifications).",
        secret=True,
    ),
    Setting(
        "SENDGRID_URL",
        "https://api.sendgrid.com",
        "Where SendGrid answers.",
        secret=True,
        check=url,
    ),
    Setting(
        "MAIL_FROM",
        "",
        "Sender of mail: an address that SendGrid knows to be yours.",
        check=_address,
    ),
    Setting(
        "SENDGRID_WEBHOOK_KEY",
        "",
        "Public key with which SendGrid's event webhook is verified (Settings, Mail Settings, "
        "Event Webhook). Without it, whatever comes to POST /hooks/sendgrid/events is refused.",
        check=_public_key,
        optional=True,
    ),
)
