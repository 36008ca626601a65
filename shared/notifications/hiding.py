"""Keeps secrets out of texts that others wrote: answers of services, and libraries' own logs.

urllib3 logs paths at DEBUG (a Telegram token is in one), python_http_client logs headers.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from shared.settings import Secret

_SHORTEST = 6
"""A shorter text is no secret, and would be found inside ordinary words."""


def hidden(text: str, secrets: Sequence[Secret]) -> str:
    """`text` with stars for each of the secrets, the longest first."""
    for value in sorted((one.reveal() for one in secrets), key=len, reverse=True):
        if len(value) >= _SHORTEST:
            text = text.replace(value, "***")
    return text


def hide(logger: str, secrets: Sequence[Secret]) -> None:
    """From now on, put stars for these secrets in what this one logger says."""
    found = logging.getLogger(logger)
    for one in found.filters:
        if isinstance(one, _Hiding):
            one.secrets |= set(secrets)
            return
    found.addFilter(_Hiding(secrets))


class _Hiding(logging.Filter):
    def __init__(self, secrets: Sequence[Secret]) -> None:
        super().__init__()
        self.secrets = frozenset(secrets)

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        if (clean := hidden(said, list(self.secrets))) != said:
            record.msg, record.args = clean, ()
        return True
