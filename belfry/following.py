"""Waiting for a job to end, and showing its log while it grows."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from belfry.client import Json, at
from belfry.problems import Exit, Failure
from belfry.screen import Screen, clean
from belfry.session import Session

ENDS = frozenset({"succeeded", "failed", "skipped", "missed", "cancelled"})
_FIRST, _SLOWEST = 0.5, 5.0
"""Seconds between two looks: they double from the one to the other."""


@dataclass
class Growing:
    """What is new of a text that grows at its end, and may lose its beginning or its middle."""

    seen: str = ""

    def new(self, text: str) -> str:
        before, self.seen = self.seen, text
        if text.startswith(before):
            return text[len(before) :]
        last = before.rstrip("\n").rpartition("\n")[2]
        at = text.rfind(last) if last else -1
        return text if at < 0 else text[at + len(last) :].removeprefix("\n")


@dataclass
class Following:
    """A job that is waited for. `timeout`: seconds at most; None: as long as it takes."""

    session: Session
    screen: Screen
    job_id: str
    log: bool = False
    timeout: float | None = None
    _text: Growing = field(default_factory=Growing)

    def ended(self) -> Json:
        """The job, when it has ended. Raises `Failure` if it takes longer than `timeout`."""
        begun = self.session.measured()
        pause = _FIRST
        with self._progress() as tell:
            while True:
                job: Json = self.session.client.get(at("jobs", self.job_id))
                tell(job)
                self._show(job)
                if job["status"] in ENDS:
                    return job
                gone = self.session.measured() - begun
                if self.timeout is not None and gone >= self.timeout:
                    said = f"{self.job_id} is still {job['status']}; it goes on. Look again with: "
                    raise Failure(Exit.WAITED, f"{said}belfry logs {self.job_id} --follow")
                left = pause if self.timeout is None else min(pause, self.timeout - gone)
                self.session.sleep(left)
                pause = min(pause * 1.5, _SLOWEST)

    def _show(self, job: Json) -> None:
        if self.log and (new := self._text.new(job.get("log") or "")):
            self.screen.line(new.rstrip("\n"))

    def _progress(self) -> Any:
        """What shows how far it is: on a terminal, unless the log is shown there."""
        if not self.screen.terminal or self.log:
            return nullcontext(lambda _: None)
        return _Bar(self.screen, self.job_id)


class _Bar:
    def __init__(self, screen: Screen, job_id: str) -> None:
        shown = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        self._progress = Progress(*shown, console=screen.errors, transient=True)
        self._task = self._progress.add_task(clean(job_id), total=None)

    def __enter__(self) -> Callable[[Json], None]:
        self._progress.start()
        return self._tell

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def _tell(self, job: Json) -> None:
        done = job.get("done")
        self._progress.update(
            self._task,
            description=clean(f"{job['id']}  {job['status']}"),
            total=None if done is None else 1.0,
            completed=done or 0.0,
        )
