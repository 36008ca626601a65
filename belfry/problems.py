"""What ends a command before its time, and the exit code that it ends with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any


class Exit(IntEnum):
    """The exit codes; docs/command-line.md explains them to people."""

    OK = 0
    FAILED = 1
    """The job did not succeed; or Belfry answered with a failure of its own."""
    WRONG = 2
    """Wrong usage, a file that is wrong, or refused by the API's validation."""
    NOT_FOUND = 3
    NOT_ALLOWED = 4
    UNREACHABLE = 5
    CONFLICT = 6
    """Not possible now, or changed by somebody else meanwhile."""
    DIFFERS = 7
    """What is stored differs from the files (`plan --detect-drift`), or from what was
    applied (`drift`)."""
    WAITED = 8
    """The job had not ended within --timeout."""
    INTERRUPTED = 130


class Failure(Exception):
    """Ends the command. `text` is for people; `document`: the problem document, if there is one."""

    def __init__(self, code: Exit, text: str, document: Mapping[str, Any] | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.document = document


_CODES = {
    401: Exit.NOT_ALLOWED,
    403: Exit.NOT_ALLOWED,
    404: Exit.NOT_FOUND,
    409: Exit.CONFLICT,
    412: Exit.CONFLICT,
    429: Exit.CONFLICT,
    502: Exit.UNREACHABLE,
    503: Exit.UNREACHABLE,
    504: Exit.UNREACHABLE,
}
_HINTS = {
    401: "Give a key: BELFRY_KEY, --key-file, or a profile (docs/command-line.md). Deployed, the "
    "host's own key is needed too: BELFRY_FUNCTION_KEY.",
    403: "The key may not do that; `belfry keys list`, by an admin, shows what keys may.",
}


def of_answer(status: int, document: object) -> Failure:
    """The failure that an answer tells, in plain words (RFC 9457)."""
    code = _CODES.get(status, Exit.WRONG if status < 500 else Exit.FAILED)
    if not isinstance(document, dict):
        said = f"Belfry answered {status}, not with a problem document; is the URL right?"
        return Failure(code, "\n".join(filter(None, (said, _HINTS.get(status)))))
    wrong: Sequence[Mapping[str, Any]] = document.get("errors") or ()
    lines = [f"{document.get('title', 'Refused')} ({status})"]
    if wrong:
        lines += [f"  {one.get('field')}: {one.get('message')}" for one in wrong]
    elif document.get("detail"):
        lines.append(f"  {document['detail']}")
    if status in _HINTS:
        lines.append(_HINTS[status])
    return Failure(code, "\n".join(lines), document)
