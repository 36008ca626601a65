"""Puts together what removes what is left of customers' tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from shared.errors import BelfryError
from shared.tasks import JobContext


class Forgetting:
    """Does one after the other. One that fails does not stop those after it."""

    def __init__(self, parts: Mapping[str, Callable[[], Callable[[JobContext], int]]]) -> None:
        """What makes each part, by its name."""
        self._parts = parts

    def forget(self, job: JobContext) -> Mapping[str, int]:
        """How many each part removed. Raises the first error, after the last part."""
        gone: dict[str, int] = {}
        problem: BelfryError | None = None
        for number, (name, made) in enumerate(self._parts.items()):
            job.check()
            job.progress(number, len(self._parts))
            try:
                gone[name] = made()(job)
            except BelfryError as error:
                job.check()
                job.log("what is old could not be removed", of=name, error=str(error))
                problem = problem or error
        job.log("removed what is old", **gone)
        if problem is not None:
            raise problem
        return gone
