"""The program that asks one database for one value: `python -m shared.probes.query`.

It reads `{"conninfo", "query"}` from its input, and writes `{"ok", "value", "milliseconds"}` or
`{"ok", "said", "why"}`. It has 256 MiB and no file or secret of the app.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from shared.clock import SystemClock
from shared.outgoing import Why

_MEMORY = 256 << 20
_TEXT = 200


def main() -> None:
    """Do what the input says."""
    _limit()
    order = json.load(sys.stdin)
    json.dump(_told(order["conninfo"], order["query"]), sys.stdout)


def _limit() -> None:
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _told(conninfo: dict[str, str], query: str) -> dict[str, Any]:
    import psycopg

    clock = SystemClock()
    began = clock.monotonic()
    try:
        with psycopg.connect(**conninfo) as connection:  # type: ignore[arg-type]
            connection.read_only = True
            value = _value(connection, query)
    except psycopg.Error as error:
        return {"ok": False, "said": _said(error), "why": _why(error)}
    took = (clock.monotonic() - began) * 1000
    return {"ok": True, "value": value, "milliseconds": took}


def _value(connection: Any, query: str) -> str | None:
    """The first value, from a cursor on the server: no more than a row comes here. PostgreSQL lets
    only what reads have a cursor."""
    with connection.cursor(name="belfry") as cursor:
        cursor.execute(query)
        row = cursor.fetchmany(1)
    if not row:
        return None
    value = row[0][0] if row[0] else None
    return None if value is None else str(value)[:_TEXT]


def _said(error: Any) -> str:
    """The server's own word, or none: libpq's messages name users, addresses and files."""
    if error.sqlstate is None:
        return f"did not let it connect ({_reason(str(error))})"
    return f"answered {error.sqlstate}: {error.diag.message_primary or ''}"[:_TEXT]


_REASONS = {
    "authentication failed": "its user or its password is wrong",
    "certificate verify failed": "its certificate is not good",
    "does not match host name": "its certificate is for another name",
    "does not support SSL": "it speaks no TLS",
    "timeout": "it took too long",
    "refused": "nothing listens there",
    "does not exist": "there is no such database or user",
}


def _reason(text: str) -> str:
    return next((said for part, said in _REASONS.items() if part in text), "no reason is known")


def _why(error: Any) -> str:
    text = str(error)
    if "certificate" in text or "SSL" in text:
        return Why.TLS.value
    return (Why.TIMEOUT if "timeout" in text or error.sqlstate == "57014" else Why.CONNECT).value


if __name__ == "__main__":
    main()
