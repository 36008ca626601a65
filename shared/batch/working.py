"""The items of a batch that are at work in this process: a thread each."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from shared.batch.model import BAD, Item, ItemStatus, Outcome, outcome
from shared.batch.operations import One
from shared.clock import Clock
from shared.engine.work.failures import describe
from shared.engine.work.threads import Threads
from shared.errors import BelfryError, Cancelled, Skipped


@dataclass(slots=True)
class Begun:
    """An item that was begun."""

    one: One
    at: float
    """By the monotonic clock; infinite while it waits for a place."""
    expired: bool = False
    """Whether its time was up, so that what comes of it does not count."""
    ended: Outcome | None = None
    broken: BaseException | None = None
    """What no item may raise: this process is ending."""
    gave_up: bool = False
    """Whether it ended because it was told to, not by itself."""


@dataclass(slots=True)
class Working:
    """The threads. `do` does one item; `most` at once."""

    do: Callable[[One], Mapping[str, object]]
    most: int
    clock: Clock
    changed: threading.Event = field(default_factory=threading.Event)
    """Set when an item ended."""
    _threads: Threads = field(default_factory=lambda: Threads("belfry-batch"))
    _begun: dict[int, Begun] = field(default_factory=dict)
    _ended: deque[Begun] = field(default_factory=deque)

    @property
    def free(self) -> int:
        """How many more may begin. An item whose time was up keeps its thread until it ends."""
        return self.most - len(self._begun)

    @property
    def busy(self) -> bool:
        """Whether some are at work, without those whose time was up."""
        return any(not one.expired for one in self._begun.values())

    @property
    def stuck(self) -> int:
        """How many do not end, though their time was up."""
        return sum(one.expired for one in self._begun.values())

    def begin(self, index: int, item: Item) -> None:
        """Begin an item; in this thread, if no other can be started."""

        def waits(now: bool) -> None:
            begun.at = math.inf if now else self.clock.monotonic()

        one = One(index=index, item=item, stop=threading.Event(), waits=waits)
        begun = Begun(one, self.clock.monotonic())
        self._begun[index] = begun
        if not self._threads.run(lambda: self._run(begun)):
            self._run(begun)

    def done(self, index: int, item: Item) -> Outcome:
        """Do an item here and now."""
        one = One(index=index, item=item, stop=threading.Event())
        return self._outcome(Begun(one, self.clock.monotonic()))

    def ended(self) -> list[Begun]:
        """Those that ended since the last call, without those whose time was up."""
        self.changed.clear()
        found = []
        while self._ended:
            one = self._ended.popleft()
            del self._begun[one.one.index]
            if one.broken is not None:
                raise one.broken
            if not one.expired:
                found.append(one)
        return found

    def expire(self, seconds: float) -> list[One]:
        """Those that are at work for longer than that: they are told to stop, and no longer
        count."""
        until = self.clock.monotonic() - seconds
        late = [one for one in self._begun.values() if not one.expired and one.at < until]
        late = [one for one in late if one.ended is None and one.broken is None]
        for one in late:
            one.expired = True
            one.one.stop.set()
        return [one.one for one in late]

    def stop(self) -> None:
        """Tell all to stop."""
        for one in self._begun.values():
            one.one.stop.set()

    def _run(self, begun: Begun) -> None:
        try:
            begun.ended = self._outcome(begun)
        except BaseException as error:  # such as the end of the process: raised in `ended`
            begun.broken = error
        self._ended.append(begun)
        self.changed.set()

    def _outcome(self, begun: Begun) -> Outcome:
        one, status, error, result = begun.one, ItemStatus.SUCCEEDED, "", None
        try:
            if BAD in one.item:
                raise _Bad(str(one.item[BAD]))
            result = self.do(one)
        except Skipped as skipped:
            status, error, result = ItemStatus.SKIPPED, str(skipped), skipped.result
        except Exception as failure:
            begun.gave_up = isinstance(failure, Cancelled) and one.stop.is_set()
            status, error = ItemStatus.FAILED, describe(failure)
        seconds = max(self.clock.monotonic() - begun.at, 0.0)
        return outcome(one.index, one.item, status, error=error, result=result, seconds=seconds)


class _Bad(BelfryError):
    """An item that could not be read."""

    permanent = True
