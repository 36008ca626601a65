"""Removes secrets from texts that others wrote: services' answers, and the logs of libraries.

At DEBUG, urllib3 logs paths (Telegram's contains a token), and python_http_client logs headers.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence

from shared.settings import Secret

_SHORTEST = 6
"""A shorter text is not a secret, and might be part of ordinary words."""


def hidden(text: str, secrets: Sequence[Secret]) -> str:
    """`text` with `***` in place of each secret. Longer secrets are replaced first."""
    for value in sorted((one.reveal() for one in secrets), key=len, reverse=True):
        if len(value) >= _SHORTEST:
            text = text.replace(value, "***")
    return text


def hide(logger: str, secrets: Sequence[Secret]) -> None:
    """From now on, replace these secrets by `***` in what this logger logs."""
    found = logging.getLogger(logger)
    for one in found.filters:
        if isinstance(one, _Hiding):
            one.secrets |= set(secrets)
            return
    found.addFilter(_Hiding(secrets))


def hide_pattern(logger: str, pattern: re.Pattern[str]) -> None:
    """From now on, replace by `***` what matches in what this logger logs."""
    found = logging.getLogger(logger)
    if not any(isinstance(one, _Matching) and one.pattern is pattern for one in found.filters):
        found.addFilter(_Matching(pattern))


class _Matching(logging.Filter):
    def __init__(self, pattern: re.Pattern[str]) -> None:
        super().__init__()
        self.pattern = pattern

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        if (clean := self.pattern.sub("***", said)) != said:
            record.msg, record.args = clean, ()
        return True


class _Hiding(logging.Filter):
    def __init__(self, secrets: Sequence[Secret]) -> None:
        super().__init__()
        self.secrets = frozenset(secrets)

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        if (clean := hidden(said, list(self.secrets))) != said:
            record.msg, record.args = clean, ()
        return True
