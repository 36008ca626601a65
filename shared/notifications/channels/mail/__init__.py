"""Mail to each recipient, through SendGrid."""

from __future__ import annotations

import re

from shared.settings import Setting
from shared.settings.checks import url


def _address(value: str) -> None:
    if not re.fullmatch(r"[^@\r\n]*[^@\s]@[^@\s]+", value):
        raise ValueError("use an e-mail address, such as belfry@example.com")


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
)
