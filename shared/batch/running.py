"""One attempt of a batch: begins items, records what became of them, and stores that now and then.

What is stored, and when:

1. Before the first item: the attempt takes the batch over (`service`). From then on an earlier
   attempt, which may still be at work, can no longer write.
2. If an item must not be done twice: before it begins, the row says so, for all that begin
   together. The same write has the outcomes that came since the last one.
3. Every few seconds the outcomes so far: in the row if they are few, else in a file of their own.
4. When a file of outcomes has all its items, the file; then the row, which counts it.

So a batch whose items may be repeated costs two writes for some thousand of them, and one whose
items must not be repeated costs one for each that begin together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from shared.batch.book import Book, too_many_errors
from shared.batch.model import (
    CHUNK,
    BatchState,
    Counts,
    Head,
    Item,
    ItemStatus,
    Outcome,
    Saved,
    label,
    outcome,
)
from shared.batch.operations import One, Operates
from shared.batch.pace import Pace
from shared.batch.params import BatchParams, Operation
from shared.batch.store import Place, Store
from shared.batch.working import Working
from shared.errors import Refused, TimedOut
from shared.tasks import JobContext

_EVERY = 5.0
"""Seconds after which outcomes are stored."""
_TAIL = 20_000
"""Characters of outcomes that a row takes: a property of a table holds 32,000."""
_LOOK = timedelta(seconds=0.5)
_LEAVING = 10.0
"""Seconds that items have to end once the batch was told to stop. An instance that is drained gives
its jobs a little longer."""
_STUCK = 60.0
"""Seconds for which a batch waits when all its threads are held by items that do not end."""
_SCHEDULES = 600.0
"""Seconds for an operation on a schedule: it only calls storage, which has limits of its own."""


class Running:
    """An attempt at work on a batch that it has taken over."""

    def __init__(
        self,
        *,
        store: Store,
        job: JobContext,
        params: BatchParams,
        head: Head,
        saved: Saved,
        operation: Operates,
        concurrency: int,
        chunk: int = CHUNK,
    ) -> None:
        """`saved`: as the row says since this attempt took over. `chunk`: items of a file."""
        self._store = store
        self._job = job
        self._params = params
        self._head = head
        self._chunk = chunk
        self._at = Place(head.project_id, head.id)
        self._items: dict[int, list[Item]] = {}
        self._repeatable = operation.repeatable or params.dry_run
        known = store.logged(self._at, saved.chunk)
        self._book = Book(saved, head.total, known, self._label, chunk)
        self._saved = replace(saved, began_done=self._book.counts.done)
        self._book.was_saved(self._saved)
        do = operation.rehearse if params.dry_run else operation.do
        self._working = Working(do, concurrency, job.clock)
        self._pace = Pace(params.per_minute)
        called = params.operation is Operation.TASK
        self._seconds = float(params.item_timeout_seconds) if called else _SCHEDULES
        self._logged: set[int] = set()
        self._stored_at = job.clock.monotonic()
        self._stuck_since: float | None = None

    def run(self) -> Mapping[str, object]:
        """Do what is left. Raises `Refused` if too many items failed, `Cancelled` if the job was
        told to stop, `LeaseLost` if another attempt has the batch."""
        try:
            while not self._book.finished:
                if self._job.stop.is_set():
                    self._leave()
                self._collect()
                if too_many_errors(self._since(), *self._limits):
                    self._give_up()
                self._begin()
                self._save_in_time()
                self._wait()
        finally:
            self._working.stop()
        self._end(BatchState.COMPLETED)
        return self.result()

    def result(self) -> Mapping[str, object]:
        """What the job returns."""
        counts = self._book.counts
        return {
            "batch": self._head.id,
            "items": self._head.total,
            **counts.told(),
            "dry_run": self._params.dry_run,
            "errors": [
                {"index": one.index, "item": one.label, "error": one.error[:200]}
                for one in self._saved.sample
            ],
        }

    @property
    def _limits(self) -> tuple[int | None, int]:
        return self._params.stop_at_error_percent, self._params.stop_at_error_after

    def _since(self) -> Counts:
        """What the present job did."""
        return self._book.counts - self._saved.base

    def _begin(self) -> None:
        now = self._job.clock.monotonic()
        most = self._pace.allowed(now, self._working.free)
        taken = self._book.take(most) if most else []
        if not taken:
            return
        self._pace = self._pace.took(now, len(taken))
        if not self._repeatable:
            self._save()
        for index in taken:
            self._working.begin(index, self._item(index))

    def _collect(self) -> None:
        for begun in self._working.ended():
            ended = begun.ended
            if ended is None or (begun.gave_up and self._job.stop.is_set()):
                if self._repeatable:
                    self._book.give_back(begun.one.index)
                continue  # one that must not be repeated stays marked: it is in doubt
            self._book.record(ended)
        for one in self._working.expire(self._seconds):
            self._book.record(self._late(one))
        self._hold_threads()

    def _late(self, one: One) -> Outcome:
        text = f"it ran longer than its {self._seconds:g} s; it was told to stop"
        return outcome(one.index, one.item, ItemStatus.FAILED, error=text, seconds=self._seconds)

    def _hold_threads(self) -> None:
        """Raise `TimedOut` if every thread is held by an item that does not end."""
        if self._working.stuck < self._working.most:
            self._stuck_since = None
            return
        now = self._job.clock.monotonic()
        if self._stuck_since is None:
            self._stuck_since = now
        if now - self._stuck_since > _STUCK:
            self._save()
            raise TimedOut(f"{self._working.stuck} items were told to stop, and none of them did")

    def _wait(self) -> None:
        """Until an item ended, or the next may begin."""
        if self._book.finished:
            return
        longest = _LOOK
        if self._working.free:
            pause = self._pace.pause(self._job.clock.monotonic())
            longest = min(longest, timedelta(seconds=pause)) if pause else longest
        self._job.clock.wait(self._working.changed, longest)

    def _leave(self) -> None:
        """Give the batch back: what is at work ends soon, or is left."""
        self._finish_begun(_LEAVING)
        self._save()
        self._job.log("batch given back", **self._book.counts.told())
        self._job.check()

    def _give_up(self) -> None:
        self._finish_begun(self._seconds + _LEAVING, stop=False)
        counts = self._since()
        text = (
            f"stopped: {counts.wrong:,} of {counts.done:,} items failed, and "
            f"stop_at_error_percent is {self._params.stop_at_error_percent}; "
            f"{self._head.total - self._book.counts.done:,} were not begun"
        )
        self._end(BatchState.STOPPED, text)
        raise Refused(f"batch {self._head.id}", text)

    def _finish_begun(self, seconds: float, *, stop: bool = True) -> None:
        """Wait for what is at work, at most so long; with `stop`, it is told to stop."""
        clock = self._job.clock
        until = clock.monotonic() + seconds
        if stop:
            self._working.stop()
        while self._working.busy and clock.monotonic() < until:
            clock.wait(self._working.changed, _LOOK)
            self._collect()
        self._collect()

    def _save_in_time(self) -> None:
        late = self._job.clock.monotonic() - self._stored_at > _EVERY
        if self._book.whole() is not None or (late and self._book.unsaved):
            self._save()

    def _save(self, head: Head | None = None) -> None:
        closed = False
        while (whole := self._book.whole()) is not None:
            self._store.close(self._at, self._saved.epoch, self._book.closing, whole)
            self._book.close()
            closed = True
        if sum(len(one.line()) for one in self._book.unsaved) > _TAIL:
            self._log()
        made = self._book.saved(mark=not self._repeatable)
        made = replace(made, updated_at=self._job.clock.now())
        self._write(made, head)
        if closed and self._logged:
            self._store.tidy(self._at, self._saved.chunk)
        self._stored_at = self._job.clock.monotonic()
        self._job.progress(made.counts.done, self._head.total)

    def _write(self, made: Saved, head: Head | None) -> None:
        self._saved = self._store.save(self._head.project_id, self._head.id, made, head)
        self._book.was_saved(self._saved)

    def _log(self) -> None:
        """Write the outcomes that no file has into files of this attempt."""
        for number, outcomes in self._book.by_file():
            first = number not in self._logged
            self._store.log(self._at, self._saved.epoch, number, outcomes, first=first)
            self._logged.add(number)
        self._book.logged()

    def _end(self, state: BatchState, reason: str = "") -> None:
        """Store how the batch ended; what is open is written out too."""
        self._saved = replace(self._saved, state=state, reason=reason)
        self._book.was_saved(self._saved)
        counts, now = self._book.counts, self._job.clock.now()
        self._save(replace(self._head, ended=state, ended_at=now, counts=counts))
        if state is BatchState.COMPLETED:
            self._store.tidy(self._at, self._saved.chunk + 1)
        self._job.log(f"batch {state}", **counts.told())

    def _item(self, index: int) -> Item:
        number = index // self._chunk
        if number not in self._items:
            self._items = {one: held for one, held in self._items.items() if one >= number - 1}
            self._items[number] = self._store.items(self._at, self._head, number)
        return self._items[number][index % self._chunk]

    def _label(self, index: int) -> str:
        return label(self._item(index))
