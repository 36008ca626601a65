"""Counts the steps of a process, and kills it at one of them.

A step is whatever leaves the process: a commit to the database, a request that writes to storage,
and each request to a vendor, which is two: before it is sent, and when its answer has come but
nobody has read it. Requests are seen where every library makes them, in `http.client`.
"""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Collection, Iterator
from http.client import HTTPConnection, HTTPResponse
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

COMMIT = "commit"
END = "the end"
"""The task has returned, and nobody knows yet."""


def answer_to(request: str) -> str:
    """The step at which a vendor's answer to that request has come."""
    return f"the answer to {request}"


class Steps:
    """The steps; `fatal`: the number of the one before which the process is killed, from 1 on."""

    def __init__(self, fatal: int, told: Path) -> None:
        """`told` gets the steps as a JSON list; if the process was killed, the last is the one that
        it did not take."""
        self._fatal = fatal
        self._told = told
        self._lock = threading.Lock()
        self._names: list[str] = []

    def reach(self, name: str) -> None:
        """The next step is about to be taken."""
        with self._lock:
            self._names.append(name)
            if len(self._names) == self._fatal:
                self.tell()
                os.kill(os.getpid(), signal.SIGKILL)

    def tell(self) -> None:
        """Write down which steps there were."""
        self._told.write_text(json.dumps(self._names))


def watch(steps: Steps, storage: Collection[int]) -> None:
    """Count the steps of this process from now on. `storage`: the ports of the storage; every other
    port is a vendor's."""
    event.listen(Engine, "commit", lambda _: steps.reach(COMMIT))
    ask, answer = HTTPConnection.putrequest, HTTPConnection.getresponse

    def putrequest(self: HTTPConnection, method: str, url: str, *more: Any, **named: Any) -> None:
        request = f"{method} {url.partition('?')[0]}"
        vars(self)["under_way"] = request
        if self.port not in storage or method not in ("GET", "HEAD"):
            steps.reach(request)
        ask(self, method, url, *more, **named)

    def getresponse(self: HTTPConnection) -> HTTPResponse:
        found = answer(self)
        if self.port not in storage:
            steps.reach(answer_to(vars(self)["under_way"]))
        return found

    HTTPConnection.putrequest = putrequest  # type: ignore[method-assign]
    HTTPConnection.getresponse = getresponse  # type: ignore[method-assign]


def killed_at_each(work: Callable[[int, Steps], None], told: Path) -> Iterator[tuple[int, str]]:
    """Do the work in one process after another, each of which is killed before its next step, until
    one comes to its end: (the number of the step, its name) of each that was killed. The work is
    told the number, and counts its steps."""
    for fatal in count(1):
        pid = os.fork()
        if pid == 0:
            work(fatal, Steps(fatal, told))
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        if status == 0:
            return
        assert os.WIFSIGNALED(status), status
        yield fatal, json.loads(told.read_text())[-1]
