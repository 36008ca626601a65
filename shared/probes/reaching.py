"""Looks at one target: which way, by its kind; and what came of it.

A place that does not answer is a result: it is down. A place that customers may not reach is none:
the job fails, and nothing is counted.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field

from shared.clock import Clock
from shared.errors import Cancelled, Refused
from shared.outgoing import Limits, Outgoing, Unreachable
from shared.probes import databases, names
from shared.probes.certificates import expires
from shared.probes.expectations import (
    BODY,
    down,
    of_answer,
    of_certificate,
    of_records,
    of_value,
    passed,
)
from shared.probes.model import Measured
from shared.probes.params import HealthCheck
from shared.resources.targets import TLS_PORT, Target, TargetKind
from shared.settings import Secret

_BANNER = 1024
_DAY = 86_400


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """What is looked at."""

    what: Target
    url: Secret = field(default_factory=lambda: Secret(""))
    """Of a database."""
    authorization: Secret = field(default_factory=lambda: Secret(""))
    """The header of that name, of http."""


class Reaching:
    """Looks at targets. Each look raises `Blocked`, `Invalid` and `Refused` if it cannot be made at
    all, and `Cancelled` when `stop` is set."""

    def __init__(
        self,
        outgoing: Outgoing,
        clock: Clock,
        *,
        resolve: names.Resolve,
        allowed: Callable[[str], bool] = names.is_public,
        trusted: str = "",
    ) -> None:
        """`allowed`: whether customers may reach an IP address. `trusted`: a file with the
        authorities whose certificates databases may have; empty: those of certifi."""
        self._outgoing = outgoing
        self._clock = clock
        self._resolve = resolve
        self._allowed = allowed
        self._trusted = trusted

    def look(self, place: Place, wanted: HealthCheck, stop: threading.Event) -> Measured:
        """What it is like now."""
        ways = {
            TargetKind.HTTP: self._http,
            TargetKind.TCP: self._tcp,
            TargetKind.TLS: self._tls,
            TargetKind.DNS: self._dns,
            TargetKind.SQL: self._sql,
        }
        try:
            return ways[place.what.kind](place, wanted, stop)
        except Unreachable as error:
            return down(str(error), why=error.why.value)

    def _http(self, place: Place, wanted: HealthCheck, stop: threading.Event) -> Measured:
        headers = {"User-Agent": "Belfry-health-check", "Accept": "*/*"}
        if key := place.authorization.reveal():
            headers["Authorization"] = key
        whole = float(wanted.timeout_seconds)
        limits = Limits(
            connect=min(whole, Limits().connect),
            first_byte=whole,
            whole=whole,
            body=BODY,
            redirects=0 if key else wanted.redirects,
        )
        answer = self._outgoing.request(
            wanted.method, place.what.url, headers=headers, limits=limits, stop=stop
        )
        return of_answer(wanted, answer)

    def _tcp(self, place: Place, wanted: HealthCheck, stop: threading.Event) -> Measured:
        what, seconds = place.what, float(wanted.timeout_seconds)
        if what.port is None:
            raise Refused("the target", "it has no port; give it one")
        began = self._clock.monotonic()
        with closing(self._outgoing.connect(what.host, what.port, seconds=seconds)) as sock:
            took = self._since(began)
            if not wanted.contains:
                return passed(wanted, took)
            said = self._banner(sock, wanted.contains.encode(), began + seconds, stop)
        if wanted.contains.encode() not in said:
            shown = said[:100].decode("utf-8", "replace")
            return down(f"it said {shown!r}, and not {wanted.contains!r}", took)
        return passed(wanted, self._since(began))

    def _banner(
        self, sock: socket.socket, wanted: bytes, until: float, stop: threading.Event
    ) -> bytes:
        """What the server says first, until that has what is wanted, or is over, or too long."""
        said = b""
        while len(said) < _BANNER and wanted not in said:
            _hold(stop)
            left = until - self._clock.monotonic()
            if left <= 0:
                break
            sock.settimeout(min(left, 0.5))
            try:
                more = sock.recv(_BANNER - len(said))
            except TimeoutError:
                continue
            except OSError:
                break
            if not more:
                break
            said += more
        return said

    def _tls(self, place: Place, wanted: HealthCheck, stop: threading.Event) -> Measured:
        _hold(stop)
        what, began = place.what, self._clock.monotonic()
        shown = self._outgoing.handshake(
            what.host, what.port or TLS_PORT, seconds=float(wanted.timeout_seconds)
        )
        took = self._since(began)
        left = int((expires(what.host, shown.chain) - self._clock.now()).total_seconds() // _DAY)
        return of_certificate(wanted, left, shown.problem, took)

    def _dns(self, place: Place, wanted: HealthCheck, stop: threading.Event) -> Measured:
        _hold(stop)
        began = self._clock.monotonic()
        found = names.records(
            self._resolve,
            place.what.host,
            place.what.record or "A",
            seconds=float(wanted.timeout_seconds),
            allowed=self._allowed,
        )
        return of_records(wanted, found, self._since(began))

    def _sql(self, place: Place, wanted: HealthCheck, stop: threading.Event) -> Measured:
        found = databases.ask(
            self._outgoing,
            place.url,
            wanted.query,
            seconds=float(wanted.timeout_seconds),
            check=lambda: _hold(stop),
            trusted=self._trusted,
        )
        return of_value(wanted, found.value, found.milliseconds)

    def _since(self, began: float) -> float:
        return (self._clock.monotonic() - began) * 1000


def _hold(stop: threading.Event) -> None:
    if stop.is_set():
        raise Cancelled("the attempt was told to stop")
