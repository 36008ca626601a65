"""Which requests meet which fault; may be changed while requests pass.

What chance decides is drawn for each rule and each kind of request on its own: with one seed, the
n-th `POST $batch` that a rule sees always meets the same fate, whatever else passes meanwhile.
"""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import ClassVar, TypedDict, Unpack

from tests.faults.faults import Fault, When
from tests.faults.request import Request, Service


class Match(TypedDict, total=False):
    """Which requests a rule is about: those that all of these hold for; none means every one."""

    service: Service
    method: str
    operation: str
    """As in `request.operation`."""
    path: str
    """A regular expression, found anywhere in the decoded path and query."""
    body: str | bytes
    """Found anywhere in the body."""
    where: Callable[[Request], bool]
    """Anything else; quick, and without a call of `Rules`, which waits for it."""


@dataclass(slots=True, eq=False)
class Rule:
    """Use `Rules.add`."""

    faults: tuple[Fault, ...]
    match: Match
    rate: float
    times: int | None
    skip: int
    seed: str
    seen: int = 0
    """Requests it was about."""
    fired: int = 0
    """Of these, those that met the fault."""
    _chances: dict[str, random.Random] = field(default_factory=dict)

    def draw(self, request: Request) -> Fault | None:
        """The fate of a request it is about. It must be asked once for each."""
        self.seen += 1
        chance = self._chances.get(request.name)
        if chance is None:
            chance = self._chances[request.name] = random.Random(f"{self.seed}:{request.name}")
        hit, which = chance.random() < self.rate, chance.random()
        used_up = self.times is not None and self.fired >= self.times
        if not hit or used_up or self.seen <= self.skip:
            return None
        return self.faults[int(which * len(self.faults))]

    def applies(self, request: Request) -> bool:
        """Whether the rule is about this request."""
        match, body = self.match, self.match.get("body", b"")
        return (
            match.get("service", request.service) == request.service
            and match.get("method", request.method) == request.method
            and match.get("operation", request.operation) == request.operation
            and ("path" not in match or re.search(match["path"], request.path) is not None)
            and (not body or (body.encode() if isinstance(body, str) else body) in request.body)
            and ("where" not in match or match["where"](request))
        )


class Rules:
    """The rules in force, in the order in which they were added: the first that fires wins."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._added = 0
        self._rules: list[Rule] = []
        self._lock = threading.Lock()

    def add(
        self,
        *faults: Fault,
        rate: float = 1.0,
        times: int | None = None,
        skip: int = 0,
        **match: Unpack[Match],
    ) -> Rule:
        """One of `faults` for the requests that match: each with probability `rate`, no more than
        `times` of them, not the first `skip`."""
        if not faults:
            raise ValueError("A rule needs a fault")
        with self._lock:
            seed = f"{self._seed}:{self._added}"
            self._added += 1
            rule = Rule(faults, match, rate, times, skip, seed)
            self._rules.append(rule)
        return rule

    def remove(self, rule: Rule) -> None:
        """Also when it is gone already."""
        with self._lock:
            self._rules = [other for other in self._rules if other is not rule]

    def clear(self) -> None:
        """No more faults. What is held stays held."""
        with self._lock:
            self._rules = []

    def choose(self, request: Request) -> Fault | None:
        """The fault that the request meets."""
        if not self._rules:
            return None
        with self._lock:
            drawn = [(rule, rule.draw(request)) for rule in self._rules if rule.applies(request)]
            for rule, fault in drawn:
                if fault is not None:
                    rule.fired += 1
                    return fault
        return None


class Hold(Fault):
    """A fault that a test ends: `arrived` is set when a request stands at the gate.

    A request that is held before it is passed on goes to storage when released even if its client
    has given up meanwhile: the write that comes late. Leaving the `with` block releases.
    """

    kind: ClassVar[str] = "hold"

    def __init__(self, when: When, done: Callable[[Hold], None]) -> None:
        self.when = when
        self.arrived = threading.Event()
        self.requests: list[Request] = []
        """Those that arrived."""
        self._released = threading.Event()
        self._then: Fault | None = None
        self._done = done

    def release(self, then: Fault | None = None) -> None:
        """Let what is held go on, or meet another fault, and hold nothing any more."""
        if not self._released.is_set():
            self._then = then
            self._done(self)
            self._released.set()

    def wait(self, request: Request) -> Fault | None:
        """Called by the proxy: what follows when it was released."""
        self.requests.append(request)
        self.arrived.set()
        self._released.wait()
        return self._then

    def __enter__(self) -> Hold:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.release()
