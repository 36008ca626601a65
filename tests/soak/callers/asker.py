"""Asks the API over HTTP, of whichever host answers, and asks again if an answer is lost."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.soak.callers.notes import Notes
from tests.soak.callers.served import url

API = "/api/v1"
_PATIENCE = 45.0
"""Seconds for which one thing is asked for: longer than an outage of all hosts, their start, and
what a request that was cut off keeps the next one waiting."""
_TIMEOUT = 20.0
_PAUSE = 0.25


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What was answered in the end."""

    status: int
    text: str
    headers: Mapping[str, str]
    certain: bool
    """False: it was asked for before, and nobody knows what became of that."""

    @property
    def body(self) -> Any:
        return json.loads(self.text) if self.text else {}

    @property
    def is_good(self) -> bool:
        return self.status < 300


class Asker:
    """A caller with a key, for one thread and those that it waits for."""

    def __init__(
        self, name: str, key: str, folder: Path, places: int, chance: random.Random, notes: Notes
    ) -> None:
        self.name = name
        self.notes = notes
        self._folder = folder
        self._places = range(places)
        self._chance = chance
        self._http = httpx.Client(
            timeout=_TIMEOUT, headers={"Authorization": f"Bearer {key}"}, trust_env=False
        )

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        place: int | None = None,
    ) -> Answer | None:
        """The answer, of that host or of any; None if there was none in time.

        What never may be answered is noted."""
        until, certain = time.monotonic() + _PATIENCE, True
        while time.monotonic() < until:
            try:
                got = self._try(method, path, body, headers, place)
            except httpx.TransportError as error:
                sent = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
                certain = certain and not sent
                self.notes.counts["answers lost" if sent else "hosts away"] += 1
                time.sleep(_PAUSE)
                continue
            if got.status_code == 503:
                certain = False
                self.notes.counts["storage away"] += 1
            elif got.status_code != 409 or "still being answered" not in got.text:
                return self._answer(got, certain)
            time.sleep(_PAUSE)
        self.notes.counts["given up"] += 1
        return None

    def close(self) -> None:
        self._http.close()

    def _try(
        self,
        method: str,
        path: str,
        body: Any,
        headers: Mapping[str, str] | None,
        place: int | None,
    ) -> httpx.Response:
        at = url(self._folder, self._chance.choice(self._places) if place is None else place)
        if at is None:
            raise httpx.ConnectError("the host never answered")
        return self._http.request(method, f"{at}{API}{path}", json=body, headers=headers)

    def _answer(self, got: httpx.Response, certain: bool) -> Answer:
        if got.status_code >= 500 or got.status_code in (401, 429):
            said = f"{got.request.method} {got.request.url.path}: {got.status_code} {got.text}"
            self.notes.wrong.append(f"{self.name}: {said:.400}")
        return Answer(status=got.status_code, text=got.text, headers=got.headers, certain=certain)
