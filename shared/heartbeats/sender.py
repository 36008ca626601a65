"""Sends signals in the background: no job waits for them, and none fails because of them.

Signals to one URL go in their order. Each is tried a few times. If that does not help, the URL is
left alone for a minute, and what comes meanwhile is dropped: a service that is down costs a line of
the log and a row a minute, however many jobs run.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

from shared import threads, tracing
from shared.clock import Clock
from shared.errors import BelfryError, Refused, Unavailable
from shared.heartbeats.signal import Kind, Signal
from shared.log import Event, event
from shared.outgoing import Post
from shared.settings import Secret

_logger = logging.getLogger("belfry.heartbeats")

_LANES = 4
_MOST = 500
"""Signals that wait in a lane; the oldest is dropped for one more."""
_PAUSES = (timedelta(seconds=1), timedelta(seconds=3))
"""Between the attempts of one signal."""
QUIET = timedelta(minutes=1)
"""How long a URL is left alone after a signal that failed."""

Failed = Callable[[Signal, datetime, str], object]
"""Keeps that a signal failed, at an instant, with an error."""


class Sender:
    """The sender, with its threads."""

    def __init__(self, clock: Clock, post: Post, failed: Failed) -> None:
        self._clock = clock
        self._post = post
        self._failed = failed
        self._lanes = [_Lane(self._deliver) for _ in range(_LANES)]
        self._quiet: dict[Secret, datetime] = {}

    def send(self, signal: Signal | None) -> None:
        """Send it soon. Returns at once, and raises nothing."""
        if signal is not None and not self._is_quiet(signal.url):
            self._lanes[hash(signal.url) % _LANES].put(signal)

    def flush(self, longest: timedelta) -> bool:
        """Wait until all that was given to `send` is sent or given up, at most so long; whether it
        is. An invocation calls it at its end, since a host may be frozen after that."""
        until = self._clock.monotonic() + longest.total_seconds()
        return all(one.is_idle(max(0.0, until - self._clock.monotonic())) for one in self._lanes)

    def _is_quiet(self, url: Secret) -> bool:
        until = self._quiet.get(url)
        return until is not None and self._clock.now() < until

    def _deliver(self, signal: Signal) -> None:
        """Send it; if that fails, say so. Called in a lane's thread, which must not end by it."""
        if self._is_quiet(signal.url):
            return
        problem = self._tried(signal)
        if problem is None:
            self._quiet.pop(signal.url, None)
            return
        now = self._clock.now()
        self._quiet[signal.url] = now + QUIET
        event(
            _logger,
            Event.HEARTBEAT_FAILED,
            level=logging.WARNING,
            schedule_id=signal.schedule_id,
            job_id=signal.job_id,
            signal=signal.kind,
            error=problem,
        )
        try:
            self._failed(signal, now, problem)
        except BelfryError as error:
            event(_logger, Event.STORAGE_AWAY, level=logging.WARNING, error=str(error))

    def _tried(self, signal: Signal) -> str | None:
        """None if it was sent, else why it was not."""
        pauses = () if signal.kind is Kind.START else _PAUSES  # what follows it says as much
        for pause in (*pauses, None):
            try:
                with tracing.continued(signal.trace):
                    self._post(signal.address, signal.body, signal.query)
                return None
            except (ValueError, Refused) as error:
                return str(error)
            except Unavailable as error:
                if pause is None:
                    return str(error)
                self._clock.sleep(pause)
        return None


class _Lane:
    """Signals that go one after another. Its thread ends when none is left."""

    def __init__(self, deliver: Callable[[Signal], None]) -> None:
        self._deliver = deliver
        self._waiting: deque[Signal] = deque(maxlen=_MOST)
        self._busy = False
        self._changed = threading.Condition(threading.RLock())

    def put(self, signal: Signal) -> None:
        with self._changed:
            self._waiting.append(signal)
            if not self._busy:  # without a thread, it goes with the next one
                self._busy = threads.start(self._work, "heartbeats")

    def is_idle(self, seconds: float) -> bool:
        """Whether nothing is left to send after so long at most."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._busy, seconds)

    def _work(self) -> None:
        try:
            while (signal := self._next()) is not None:
                self._deliver(signal)
        except BaseException:  # a defect: the next signal gets a new thread
            self._rest()
            raise

    def _next(self) -> Signal | None:
        """The next signal; with None, the thread ends."""
        with self._changed:
            if self._waiting:
                return self._waiting.popleft()
            self._rest()
            return None

    def _rest(self) -> None:
        with self._changed:
            self._busy = False
            self._changed.notify_all()
