"""The proxy: one thread a connection, each with a connection of its own to Azurite.

Requests and answers pass byte by byte as they came, headers too: a signature covers the path and
not the port, so requests that were signed for the proxy are right for Azurite.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import selectors
import socket
import threading
import time
from types import TracebackType
from typing import Unpack

from tests.faults.faults import Cut, Delay, Fault, LoseAnswer, Refuse, Reset, Throttle, When
from tests.faults.log import Counts, Entry, Log
from tests.faults.request import SERVICES, Request, Service, entities_written, read
from tests.faults.rules import Hold, Match, Rule, Rules
from tests.faults.wire import Gone, Message, Wire

_HOST = "127.0.0.1"
_IDLE = 3.0
"""Azurite closes what was idle for 5 s: a connection is not used again after this many, lest the
request and the close cross."""
_ENDPOINT = re.compile(r"(?P<service>Table|Queue|Blob)Endpoint=http://(?P<at>[\d.]+:\d+)")


class FaultProxy:
    """A storage account that fails as told: `with FaultProxy(azurite.connection_string) as proxy`.

    Everything may be called from any thread.
    """

    def __init__(self, target: str, *, seed: int = 0) -> None:
        self.rules = Rules(seed)
        self.log = Log()
        self.connection_string = target
        """Inside the `with` block: the one to use in place of Azurite's."""
        self._target = target
        self._numbers = itertools.count(1)
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._wires: set[Wire] = set()
        self._holds: list[Hold] = []
        self._threads: list[threading.Thread] = []

    def hold(
        self, when: When = "before", *, times: int | None = 1, skip: int = 0, **match: Unpack[Match]
    ) -> Hold:
        """Keep the next request that matches at the gate until the test lets it go.

        `before`: storage does not know of it yet; `after`: it has done the work, and the client
        does not know.
        """
        placed: list[Rule] = []
        held = Hold(when, lambda _: self.rules.remove(placed[0]))
        placed.append(self.rules.add(held, times=times, skip=skip, **match))
        self._holds.append(held)
        return held

    def counts(self) -> Counts:
        """What passed so far; when a client has its answer, its request is counted."""
        return self.log.counts()

    def close(self) -> None:
        """End every connection, release what is held."""
        self._closed.set()
        self.rules.clear()
        for held in self._holds:
            held.release()
        with self._lock:
            wires = list(self._wires)
        for wire in wires:
            wire.interrupt()
        with contextlib.suppress(OSError):  # closed already
            self._wake.send(b"x")
        self._acceptor.join()
        self._opened.close()
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> FaultProxy:
        targets = {
            found["service"].lower(): (found["at"].split(":")[0], int(found["at"].split(":")[1]))
            for found in _ENDPOINT.finditer(self._target)
        }
        if missing := [service for service in SERVICES if service not in targets]:
            raise ValueError(f"No HTTP endpoint by address in the connection string for {missing}")
        ports: dict[str, int] = {}
        with contextlib.ExitStack() as opened:
            selector = opened.enter_context(selectors.DefaultSelector())
            for service in SERVICES:
                listener = opened.enter_context(socket.create_server((_HOST, 0), backlog=128))
                selector.register(listener, selectors.EVENT_READ, (service, targets[service]))
                ports[service] = listener.getsockname()[1]
            woken, self._wake = (opened.enter_context(one) for one in socket.socketpair())
            selector.register(woken, selectors.EVENT_READ)
            self.connection_string = _ENDPOINT.sub(
                lambda m: f"{m['service']}Endpoint=http://{_HOST}:{ports[m['service'].lower()]}",
                self._target,
            )
            self._acceptor = threading.Thread(
                target=self._accept, args=(selector,), name="fault proxy", daemon=True
            )
            self._acceptor.start()
            self._opened = opened.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def _accept(self, selector: selectors.BaseSelector) -> None:
        while not self._closed.is_set():
            for key, _ in selector.select():
                if key.data is None or not isinstance(key.fileobj, socket.socket):
                    continue
                with contextlib.suppress(OSError):  # it may be gone again already
                    self._begin(key.fileobj.accept()[0], *key.data)

    def _begin(self, accepted: socket.socket, service: Service, target: tuple[str, int]) -> None:
        connection = _Connection(self, Wire(accepted), service, target)
        thread = threading.Thread(target=connection.run, name=f"fault proxy {service}", daemon=True)
        self._threads = [one for one in self._threads if one.is_alive()]
        self._threads.append(thread)
        thread.start()

    # What a connection asks of the proxy.

    def number(self) -> int:
        return next(self._numbers)

    @property
    def closed(self) -> bool:
        return self._closed.is_set()

    def pause(self, seconds: float) -> None:
        self._closed.wait(seconds)

    def enter(self, wire: Wire) -> None:
        """Note a socket that `close` must interrupt. Raises `Gone` when that was already."""
        with self._lock:
            self._wires.add(wire)
            if self._closed.is_set():
                raise Gone

    def leave(self, wire: Wire) -> None:
        with self._lock:
            self._wires.discard(wire)
        wire.close()


class _End(Exception):
    """The connection to the client is to end now."""


class _Connection:
    """A client's connection, and ours to Azurite for it."""

    def __init__(
        self, proxy: FaultProxy, client: Wire, service: Service, target: tuple[str, int]
    ) -> None:
        self._proxy = proxy
        self._client = client
        self._service = service
        self._address = target
        self._upstream: Wire | None = None
        self._used = 0.0

    def run(self) -> None:
        """Serve it until it ends; both sides are closed then, whatever ended it."""
        try:
            with contextlib.suppress(Gone, OSError, _End):
                self._proxy.enter(self._client)
                while (message := self._client.request()) is not None:
                    self._exchange(message)
        finally:
            self._drop()
            self._proxy.leave(self._client)

    def _exchange(self, message: Message) -> None:
        request = read(self._proxy.number(), self._service, message)
        entry = self._proxy.log.came(request)
        fault = self._wait("before", entry, request, self._proxy.rules.choose(request))
        if fault is not None and fault.when == "before":
            self._meet(fault, entry, request)
            return
        answer = self._pass_on(message, entry, request)
        fault = self._wait("after", entry, request, fault)
        if fault is not None:
            self._meet(fault, entry, request, answer)
        else:
            self._client.send(answer.head, answer.raw)
        if answer.closes or message.closes:
            raise _End

    def _wait(
        self, when: When, entry: Entry, request: Request, fault: Fault | None
    ) -> Fault | None:
        """Wait if the fault is to wait now; what is still to come of it."""
        while isinstance(fault, Hold | Delay) and fault.when == when:
            self._proxy.log.met(entry, fault)
            if isinstance(fault, Hold):
                fault = fault.wait(request)
            else:
                self._proxy.pause(fault.seconds)
                fault = None
            if self._proxy.closed:
                raise _End
        return fault

    def _meet(
        self, fault: Fault, entry: Entry, request: Request, answer: Message | None = None
    ) -> None:
        self._proxy.log.met(entry, fault)
        if isinstance(fault, Refuse | Throttle):
            self._client.send(*fault.answer(request))
            return
        if isinstance(fault, Reset):
            self._client.reset()
        elif isinstance(fault, Cut) and answer is not None:
            self._client.send(*fault.part(answer))
        elif isinstance(fault, LoseAnswer) and fault.hang:
            self._client.wait_for_end()
        raise _End

    def _pass_on(self, message: Message, entry: Entry, request: Request) -> Message:
        try:
            upstream = self._connected()
            upstream.send(message.head, message.raw)
            answer = upstream.answer(message.start[0])
        except (OSError, Gone) as error:
            self._proxy.log.met(entry, "unreachable")
            raise _End from error
        self._used = time.monotonic()
        if answer.closes:
            self._drop()
        written = entities_written(request, answer)
        self._proxy.log.answered(entry, answer.status, written)
        return answer

    def _connected(self) -> Wire:
        idle = time.monotonic() - self._used
        if self._upstream is not None and (idle > _IDLE or self._upstream.ended):
            self._drop()
        if self._upstream is None:
            self._upstream = Wire(socket.create_connection(self._address))
            self._proxy.enter(self._upstream)
        return self._upstream

    def _drop(self) -> None:
        if self._upstream is not None:
            self._proxy.leave(self._upstream)
            self._upstream = None
