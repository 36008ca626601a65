"""A webhook of yours: one URL, which gets each alert as JSON."""

from __future__ import annotations

import base64
import binascii

from shared.settings import Setting
from shared.settings.checks import url

PREFIX = "whsec_"


def _secret(value: str) -> None:
    try:
        key = base64.b64decode(value.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not 24 <= len(key) <= 64:
        raise ValueError("use whsec_ and 24 to 64 random bytes in Base64")


SETTINGS = (
    Setting(
        "WEBHOOK_URL",
        "",
        "URL that gets each alert as JSON (docs/messages.md).",
        secret=True,
        check=url,
    ),
    Setting(
        "WEBHOOK_SECRET",
        "",
        "Key with which these requests are signed, as Standard Webhooks has it (whsec_...). "
        "Default: they are not signed.",
        secret=True,
        check=_secret,
        optional=True,
    ),
)
