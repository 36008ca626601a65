"""One run of a sync: its counts and its report, and where an attempt goes on after a kill.

Every so often the report's next piece is written, and then the state, which counts the pieces and
says where to go on. So a killed attempt repeats only what came after its last save.

A later attempt takes the run over by its first write. From then on an earlier one, whose worker was
only thought to be gone, can save nothing: neither the state, nor a piece of the report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from shared.sync.model import Counts, Cursor, Did, Outcome, State, SyncRun, SyncStatus
from shared.sync.pace import Pace
from shared.sync.plan import SyncPlan
from shared.sync.store import SyncStore
from shared.tasks import JobContext

EVERY = 1000
"""Items from one save to the next."""
SECONDS = 30.0
"""Longest time from one save to the next."""
SHOWN = 100
"""The most items that a dry run names."""


@dataclass(kw_only=True, slots=True)
class Run:
    """A run. Only one thread uses it."""

    job: JobContext
    plan: SyncPlan
    pace: Pace
    store: SyncStore
    state: State
    about: SyncRun
    """What it says of itself to readers; its counts and state are older than `counts`."""
    dry: bool = False
    counts: Counts = field(default_factory=Counts)
    position: Mapping[str, Any] = field(default_factory=dict)
    """Where to go on; empty: at the beginning."""
    segments: int = 0
    more: dict[str, Any] = field(default_factory=dict)
    """What the kind adds to the result."""

    _pending: list[Mapping[str, Any]] = field(default_factory=list)
    _since: int = 0
    _saved_at: float | None = None
    first_failure: Outcome | None = None
    would: list[Mapping[str, Any]] = field(default_factory=list)

    @property
    def value(self) -> Mapping[str, Any]:
        """What the last whole run of the same sync ended with."""
        return self.state.value

    def take_over(self) -> None:
        """Let no earlier attempt save from now on."""
        if self.job.attempt > 1 and not self.dry:
            self._write(self.position)

    def tell(self, one: Outcome) -> None:
        """Count what became of an item."""
        self.counts.add(one)
        self._since += 1
        if one.did is Did.FAILED and self.first_failure is None:
            self.first_failure = one
        if one.did is Did.SAME:
            return
        if self.dry:
            self.would += [one.line()] if len(self.would) < SHOWN else []
        else:
            self._pending.append(one.line())

    def note(self, line: Mapping[str, Any]) -> None:
        """Have a line in the report that is no item's."""
        self._pending.append(line)

    def save_if_due(self, position: Mapping[str, Any]) -> None:
        """Save, if enough was done since; `position`: where to go on."""
        now = self.job.clock.monotonic()
        if self._saved_at is None:
            self._saved_at = now
        if self._since >= EVERY or now - self._saved_at >= SECONDS:
            self.save(position)

    def save(self, position: Mapping[str, Any]) -> None:
        """Write the report's next piece and the state. Raises `Conflict` if this attempt is not
        the one that counts any more."""
        self.position, self._since = position, 0
        self._saved_at = self.job.clock.monotonic()
        self._tell_progress()
        self.job.check()
        if self.dry:
            return
        self._keep_report()
        self._write(position)

    def _write(self, position: Mapping[str, Any]) -> None:
        cursor = Cursor(
            job_id=self.job.job_id,
            position=position,
            counts=self.counts.said(),
            segments=self.segments,
            began_at=self.about.began_at,
        )
        self.state = self.store.write(
            self.state, replace(self.state, cursor=cursor), self.shown(SyncStatus.RUNNING)
        )

    def pause(self, error: str) -> None:
        """Write that this attempt failed; the next one goes on from the last save."""
        self.state = self.store.write(self.state, self.state, self.shown(SyncStatus.FAILED, error))

    def end(self, status: SyncStatus, value: Mapping[str, Any] | None, error: str = "") -> None:
        """Write that it ended. `value`: what the next run begins with; None: what was."""
        if self.dry:
            return
        self._keep_report()
        after = replace(self.state, cursor=None, done=self.job.job_id)
        if value is not None:
            after = replace(after, value=value)
        self.state = self.store.write(self.state, after, self.shown(status, error))
        self.store.tidy(self.about, str(after.value.get("seen", "")))

    def give_way(self, error: str) -> None:
        """Another run saves now: say of this one that it ended. If it is another attempt of the
        same job, that one says how it ends."""
        about = self.about
        state = self.store.state(about.project_id, about.series)
        known = self.store.told(about.project_id, about.job_id)
        under_way = state.cursor.job_id if state.cursor else state.done
        if about.job_id != under_way and (known is None or known.status is SyncStatus.RUNNING):
            self.store.tell(self.shown(SyncStatus.FAILED, error))

    def shown(self, status: SyncStatus, error: str = "") -> SyncRun:
        return replace(
            self.about,
            status=status,
            error=error,
            counts=replace(self.counts),
            segments=self.segments,
            changed_at=self.job.clock.now(),
            more=dict(self.more),
        )

    def _keep_report(self) -> None:
        if self._pending:
            attempt = self.job.attempt
            self.store.keep_report(self.about, self.segments, self._pending, attempt)
            self.segments += 1
            self._pending = []

    def _tell_progress(self) -> None:
        before = int(self.value.get("items", 0))
        if before:
            self.job.progress(min(self.counts.items, before), before)
