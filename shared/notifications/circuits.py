"""The circuits of all channels, shared by all instances: one fact per channel and account.

Reads are cached for some seconds, and as long as all is well nothing is written. If storage cannot
be asked, a circuit counts as closed: a breaker must not stop what works.
"""

from __future__ import annotations

import json
import logging
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from shared.errors import BelfryError, Misconfigured, Unavailable
from shared.log import Event, event, short
from shared.notifications.model import Later
from shared.notifications.problems import Problems, told
from shared.notifications.rules import circuit
from shared.notifications.rules.circuit import CLOSED, Circuit
from shared.storage.tables.compare_and_set import compare_and_set
from shared.storage.tables.facts import Fact, Meta

_logger = logging.getLogger("belfry.notifications")

_PREFIX = "circuit:"
_FRESH = timedelta(seconds=5)
"""How long a circuit that was read counts as known."""
_ERROR = 300

Step = Callable[[Circuit], Circuit | None]


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to send something now."""

    name: str
    holder: str = ""
    """Set if it is the probe of an open circuit."""


class Circuits:
    """The circuits."""

    def __init__(
        self, facts: Callable[[], Meta], accounts: Mapping[str, str], problems: Problems
    ) -> None:
        """`accounts`: of each channel that has several, which of them is used."""
        self._facts = facts
        self._accounts = accounts
        self._problems = problems
        self._lock = threading.Lock()
        self._known: dict[str, tuple[datetime, Circuit]] = {}

    def ask(self, channel: str, now: datetime) -> Permit | datetime:
        """Leave to send on that channel; else, until when to wait."""
        name = self._name(channel)
        found = self._cached(name, now)
        if not found.is_open:
            return Permit(name)
        holder = secrets.token_hex(8)
        try:
            after = self._change(name, now, lambda now_: circuit.probed(now_, holder, now))
        except BelfryError as error:
            _away(name, error)
            return Permit(name)
        if after.probe == holder:
            return Permit(name, holder)
        return circuit.waits_until(after, now) or Permit(name)

    def give_back(self, permit: Permit, now: datetime) -> None:
        """Nothing was sent by that permit."""
        if permit.holder:
            self._quietly(permit, now, lambda found: circuit.given_up(found, permit.holder))

    def record(self, permit: Permit, problem: BelfryError | None, now: datetime) -> None:
        """What was sent by that permit, or asked, ended in that way."""
        if problem is not None and of_service(problem):
            self._failed(permit, problem, now)
        else:
            self._worked(permit, now)

    def _worked(self, permit: Permit, now: datetime) -> None:
        found = self._cached(permit.name, now)
        if found == CLOSED and not permit.holder:
            return
        if permit.holder:  # told first: if this process is killed, the next probe tells again
            told(partial(self._problems.circuit_closed, permit.name, _OVER))
        after = self._quietly(permit, now, lambda found: circuit.worked(found, permit.holder))
        if permit.holder and after is not None and not after.is_open:
            event(_logger, Event.CIRCUIT_CLOSED, circuit=permit.name)

    def _failed(self, permit: Permit, problem: BelfryError, now: datetime) -> None:
        said = short(str(problem), _ERROR)
        pause = problem.pause if isinstance(problem, Later) else timedelta(0)
        opened: list[bool] = []

        def step(found: Circuit) -> Circuit | None:
            at_once = isinstance(problem, Misconfigured)
            holder = permit.holder
            after = circuit.failed(found, holder, said, now, at_once=at_once, pause=pause)
            opened[:] = [after is not None and after.is_open]
            return after

        after = self._quietly(permit, now, step)
        if after is None or not any(opened):
            return
        event(
            _logger,
            Event.CIRCUIT_OPENED,
            level=logging.ERROR,
            circuit=permit.name,
            failures=after.failures,
            until=after.opened_until,
            error=said,
        )
        wrong = isinstance(problem, Misconfigured)
        how = "refuses our set-up" if wrong else f"failed {after.failures} times in a row"
        text = f"{permit.name} {how}; what is to be sent waits. {said}"
        told(partial(self._problems.circuit_opened, permit.name, text))

    def all(self) -> dict[str, Circuit]:
        """Every circuit that ever failed, by name. Raises `Unavailable` or `Refused`."""
        found = self._facts().beginning(_PREFIX)
        return {name.removeprefix(_PREFIX): _read(fact) for name, fact in found.items()}

    def _name(self, channel: str) -> str:
        account = self._accounts.get(channel, "")
        return f"{channel}:{account}" if account else channel

    def _cached(self, name: str, now: datetime) -> Circuit:
        with self._lock:
            at, found = self._known.get(name, (None, CLOSED))
        if at is not None and timedelta(0) <= now - at < _FRESH:
            return found
        try:
            found = _read(self._facts().fact(_PREFIX + name))
        except BelfryError as error:
            _away(name, error)
            return CLOSED
        self._remember(name, now, found)
        return found

    def _remember(self, name: str, now: datetime, found: Circuit) -> None:
        with self._lock:
            self._known[name] = (now, found)

    def _quietly(self, permit: Permit, now: datetime, step: Step) -> Circuit | None:
        """Change a circuit; None if storage does not let us, which stops no message."""
        try:
            return self._change(permit.name, now, step)
        except BelfryError as error:
            _away(permit.name, error)
            return None

    def _change(self, name: str, now: datetime, step: Step) -> Circuit:
        """The circuit after `step`, as it is stored."""
        facts = self._facts()

        def attempt() -> Circuit | None:
            fact = facts.fact(_PREFIX + name)
            before = _read(fact)
            after = step(before)
            if after is None:
                return before
            return after if facts.swap(_PREFIX + name, fact, _written(after)) else None

        found = compare_and_set(_PREFIX + name, attempt, error=partial(Unavailable, "storage"))
        self._remember(name, now, found)
        return found


def of_service(problem: BelfryError) -> bool:
    """Whether the service failed, or our set-up is wrong, so that the next message would fail too;
    not whether it refused one message."""
    return not problem.permanent or isinstance(problem, Misconfigured)


def away_until(channel: str, until: datetime) -> str:
    """What a notification says that waits for a circuit."""
    return f"{channel} is away; it is tried again at the first flush after {until:%H:%M:%S} UTC"


_OVER = "it answers again; what waited is being sent"


def _away(name: str, error: BelfryError) -> None:
    event(_logger, Event.CIRCUIT_UNREADABLE, level=logging.WARNING, circuit=name, error=str(error))


_INSTANTS = ("opened_at", "opened_until", "probe_until")


def _written(it: Circuit) -> str:
    values = {
        "failures": it.failures,
        "openings": it.openings,
        "probe": it.probe,
        "error": it.error,
    }
    instants = {name: getattr(it, name) for name in _INSTANTS}
    return json.dumps(values | {name: at and at.isoformat() for name, at in instants.items()})


def _read(fact: Fact | None) -> Circuit:
    """The circuit in a fact; closed if it cannot be read."""
    try:
        said = {} if fact is None else json.loads(fact.value)
        instants = {
            name: datetime.fromisoformat(said[name]) for name in _INSTANTS if said.get(name)
        }
        return Circuit(**(said | dict.fromkeys(_INSTANTS) | instants)) if said else CLOSED
    except (ValueError, TypeError, AttributeError):
        return CLOSED
