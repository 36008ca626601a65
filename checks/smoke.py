"""After a deployment: does it live? Exit code 1 if not.

python -m checks.smoke URL [--project ID] [--patience SECONDS]

1. `/ops/uptime`: a clock ticks.
2. `/status`: the built-in tasks are there, and the company's database, if there is one, fits.
3. `/api/docs`: the page, and each file that it loads.
4. The API's outer door is shut without a key (only if a function key was given).
5. A schedule that runs once, now: made, run by the clocks to success, and removed, whatever comes.

The keys are read from BELFRY_FUNCTION_KEY (the host's, deployed) and BELFRY_KEY (Belfry's own, of
an operator; once a key was made), never from arguments. They are never printed, and no redirect is
followed, which could carry them elsewhere.

It needs nothing but Python, so that nothing is installed where the rights to deploy are.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

TASK = "health_monitor"
"""Quick, needs nothing from outside, and says the same however often it runs."""
_PAUSE = 2.0
_REQUEST = 60.0
"""Seconds for one answer: a cold start is part of it."""
_LOCAL = ("localhost", "127.0.0.1", "::1")


class Failed(Exception):
    """What does not live, and what to look at."""


class _Still(urllib.request.HTTPRedirectHandler):
    """Follows no redirect."""

    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_Still)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the app."""

    status: int
    body: str

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


@dataclass(frozen=True, kw_only=True)
class Smoke:
    """A test of one app."""

    url: str
    function_key: str | None = None
    key: str | None = None
    project: str | None = None
    patience: float = 300.0
    """Seconds to wait for a clock, and for the run."""
    sleep: Callable[[float], object] = time.sleep
    measured: Callable[[], float] = time.monotonic

    def run(self) -> Iterator[str]:
        """Each step, in words, when it passed. Raises `Failed`."""
        yield self.clock_ticks()
        yield self.tasks_are_there()
        yield self.pages_load()
        if self.function_key:
            yield self.door_is_shut()
        yield self.schedule_runs()

    def clock_ticks(self) -> str:
        """A deployment restarts the app, so it may still be starting."""
        found = self._until(
            lambda: self._read("/ops/uptime"),
            lambda it: it["status"] == "up",
            lambda it: f"no clock ticks: /ops/uptime says {it['status']}; look at the timers' log",
        )
        return f"up; clocks: {', '.join(sorted(found['clocks']))}"

    def tasks_are_there(self) -> str:
        status = self._read("/status")
        database = status["database"]
        if not status["jobs"]:
            raise Failed("/status has no tasks: the app was loaded without its functions")
        if database in ("unfit", "away"):
            raise Failed(f"the company's database is {database}; see docs/data.md")
        return f"tasks: {len(status['jobs'])}; database: {database}"

    def pages_load(self) -> str:
        page = self._ask("GET", "/api/docs").body
        files = re.findall(r'(?:src|href)="([^"]+)"', page)
        if not files:
            raise Failed("/api/docs loads nothing")
        for path in files:
            self._ask("GET", path)
        return f"/api/docs: files: {len(files)}"

    def door_is_shut(self) -> str:
        answer = self._send("GET", "/api/v1/schedules", keys=False)
        if answer.status not in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise Failed(f"/api/v1/schedules answers {answer.status} without any key")
        return "the API answers nobody without a key"

    def schedule_runs(self) -> str:
        with self._schedule() as id:
            begun = self.measured()
            found = self._until(
                lambda: self._read(f"/api/v1/schedules/{id}"),
                lambda it: it["success_count"] or it["failure_count"],
                lambda it: (
                    f"schedule {id} has not run (next_run_at: {it['next_run_at']}); "
                    "look at the queues, and at the worker's log"
                ),
            )
            if not found["success_count"]:
                raise Failed(f"schedule {id} ran and failed: {found['last_error']}")
            took = self.measured() - begun
        return f"a schedule of {TASK} ran once to success within {took:.0f} s, and was removed"

    @contextmanager
    def _schedule(self) -> Iterator[str]:
        body: dict[str, Any] = {
            "name": f"Smoke test {uuid.uuid4().hex[:8]}",
            "task_type": TASK,
            "frequency": "once",
            "start_time": datetime.now(UTC).isoformat(),
        }
        if self.project:
            body["project_id"] = int(self.project)
        id = json.loads(self._ask("POST", "/api/v1/schedules", body).body)["id"]
        try:
            yield id
        finally:
            self._ask("DELETE", f"/api/v1/schedules/{id}")

    def _until(
        self,
        read: Callable[[], Any],
        done: Callable[[Any], Any],
        otherwise: Callable[[Any], str],
    ) -> Any:
        """What was read when it was done. An app that does not answer yet is waited for, too."""
        deadline = self.measured() + self.patience
        while True:
            try:
                found = read()
                if done(found):
                    return found
                said = otherwise(found)
            except Failed as error:
                said = str(error)
            if self.measured() >= deadline:
                raise Failed(f"{said} (after {self.patience:.0f} s)")
            self.sleep(_PAUSE)

    def _read(self, path: str) -> Any:
        try:
            return json.loads(self._ask("GET", path).body)
        except ValueError:
            raise Failed(f"{path} answers with something that is no JSON") from None

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        answer = self._send(method, path, body)
        if not answer.is_success:
            raise Failed(f"{method} {path} answers {answer.status}: {answer.body[:300]}")
        return answer

    def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, keys: bool = True
    ) -> Answer:
        headers = {"content-type": "application/json"}
        if keys and self.function_key:
            headers["x-functions-key"] = self.function_key
        if keys and self.key:
            headers["authorization"] = f"Bearer {self.key}"
        sent = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 (main looked at the scheme)
            self.url + path, sent, headers, method=method
        )
        try:
            with _OPENER.open(request, timeout=_REQUEST) as answer:
                return Answer(answer.status, answer.read().decode(errors="replace"))
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read().decode(errors="replace"))
        except (OSError, http.client.HTTPException) as error:
            raise Failed(f"{method} {path}: {type(error).__name__}: {error}") from None


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """The process's exit code."""
    parser = argparse.ArgumentParser(prog="python -m checks.smoke")
    parser.add_argument("url", help="https://APP.azurewebsites.net")
    parser.add_argument("--project", help="the project of the schedule, if the key has only some")
    parser.add_argument("--patience", type=float, default=300.0, help="seconds (default: 300)")
    given = parser.parse_args(arguments)
    function_key = environ.get("BELFRY_FUNCTION_KEY") or None
    key = environ.get("BELFRY_KEY") or None
    parts = urlsplit(given.url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        parser.error(f"{given.url} is no URL such as https://APP.azurewebsites.net")
    if (function_key or key) and parts.scheme != "https" and parts.hostname not in _LOCAL:
        parser.error(f"{given.url} is not https, so the keys would be sent in clear text")
    url = given.url.rstrip("/")
    smoke = Smoke(
        url=url,
        function_key=function_key,
        key=key,
        project=given.project,
        patience=given.patience,
    )
    try:
        for step in smoke.run():
            print(f"passed: {step}", flush=True)
    except Failed as error:
        print(f"FAILED: {error}", flush=True)
        return 1
    print(f"{given.url} lives.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
