"""Asks a customer's PostgreSQL database for one value, in a process of its own.

The database is a stranger's, and so may be what answers: a row of a gigabyte, or a byte now and
then. libpq holds neither back. So it runs in a child process with limits for memory and time, which
knows nothing but the one connection, and is killed when its time is over.

The connection goes to addresses that the guard checked (`hostaddr`); TLS is required, and the
certificate must be the host's, unless the host stands in a network that OUTGOING_RANGES allows.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from shared.errors import Invalid, Refused
from shared.outgoing import Outgoing, Unreachable, Why, postgres
from shared.probes.names import is_public
from shared.settings import Secret

_STEP = 0.25
"""Seconds between two looks at whether the caller must stop."""
_START = 5.0
"""Seconds that the child may take to start, besides what it is given for the database."""
_ADDRESSES = 4
_READ_ONLY = "-c default_transaction_read_only=on"
_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Value:
    """What a query returned."""

    value: str | None
    """The first value of the first row, as text, 200 characters at most; None: no row."""
    milliseconds: float


def ask(
    outgoing: Outgoing,
    url: Secret,
    query: str,
    *,
    seconds: float,
    check: Callable[[], None],
    trusted: str,
) -> Value:
    """The value. `url`: a PostgreSQL URL; its `sslmode` counts only in a network of one's own.
    Raises `Refused`, `Blocked`, `Unreachable`, and what `check` raises; no message has anything of
    the URL but the host."""
    try:
        given = postgres.connection(url.reveal(), outgoing, seconds=seconds, trusted=trusted)
    except Invalid as error:
        raise Refused("the target", f"its url: {error.message}") from None
    host, addresses = given["host"].partition(",")[0], given["hostaddr"].split(",")
    conninfo = given | {
        "hostaddr": ",".join(addresses[:_ADDRESSES]),
        "host": ",".join([host] * len(addresses[:_ADDRESSES])),
        "application_name": "belfry",
        "options": f"-c statement_timeout={int(seconds * 1000)} {_READ_ONLY}",
    }
    if not any(map(is_public, addresses)):
        conninfo["sslmode"] = _mode(url)
    return _answered(host, {"conninfo": conninfo, "query": query}, seconds, check)


def _mode(url: Secret) -> str:
    """What the URL says of TLS."""
    said = dict(parse_qsl(urlsplit(url.reveal()).query)).get("sslmode", "")
    return said if said in _MODES else "prefer"


def _answered(
    host: str, order: Mapping[str, object], seconds: float, check: Callable[[], None]
) -> Value:
    """What the child says. It is killed at the end of its time, whatever it does."""
    child = subprocess.Popen(
        [sys.executable, "-m", "shared.probes.query"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=_ROOT,
        env={"PYTHONPATH": os.pathsep.join(filter(None, [str(_ROOT), *sys.path]))},
    )
    sent: bytes | None = json.dumps(order).encode()
    left = seconds + _START
    try:
        while True:
            try:
                said, _ = child.communicate(sent, timeout=_STEP)
                break
            except subprocess.TimeoutExpired:
                sent, left = None, left - _STEP
            check()
            if left <= 0:
                raise Unreachable(host, "did not answer in time", Why.TIMEOUT)
    finally:
        child.kill()
        child.communicate()
    return _told(host, said)


def _told(host: str, said: bytes) -> Value:
    try:
        told = json.loads(said)
        if told["ok"]:
            return Value(told["value"], float(told["milliseconds"]))
        raise Unreachable(host, str(told["said"])[:200], Why(told["why"]))
    except (ValueError, KeyError, TypeError):
        raise Unreachable(host, "its answer is larger than a check may read", Why.BROKEN) from None
