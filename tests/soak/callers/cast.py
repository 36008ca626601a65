"""The callers of the API: three projects with operators, one of them with two; a viewer of two."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from shared.access import LOCAL, Role
from shared.app import App
from tests.soak.callers.asker import Asker
from tests.soak.callers.lists import walk
from tests.soak.callers.notes import Notes, Project
from tests.soak.callers.operators import Operator
from tests.soak.callers.reader import Reader
from tests.soak.verdict import Rows

_PROJECTS = (11, 12, 13)
_LEAST = {
    "create promised": 15,
    "change promised": 5,
    "execute promised": 3,
    "backfill promised": 3,
    "delete promised": 1,
    "trespasses": 1,
    "asked again": 5,
    "walks": 5,
    "answers lost": 1,
}
_LONGEST = 45.0
_GLANCE = 0.5


class Cast:
    """All of them. `calm`: an app whose storage does not fail, by whose keys service the first key
    is made; the others are made by the API."""

    def __init__(self, calm: App, folder: Path, places: int, seed: int) -> None:
        self.notes = Notes()
        self._askers: list[Asker] = []
        self._calm = calm
        self._folder = folder
        self._places = places
        self._seed = seed
        self._projects = {number: Project(number) for number in _PROJECTS}
        first = calm.keys.create(LOCAL, "admin", Role.ADMIN, None)
        self._admin = self._asker("admin", first.text)
        self._keyed: list[tuple[Asker, Collection[int]]] = []

    def close(self) -> None:
        """Hang up."""
        for asker in self._askers:
            asker.close()

    @contextmanager
    def living(self) -> Iterator[None]:
        """They ask for things meanwhile."""
        over = threading.Event()
        with ThreadPoolExecutor(1 + len(_PROJECTS) + 1) as pool:
            lives = [pool.submit(one.live, over) for one in self._people()]
            try:
                yield
                self._live_on()
            finally:
                over.set()
            for life in lives:
                life.result()

    def shown(self, rows: Rows) -> Iterator[str]:
        """What lists show otherwise than the rows say: of each host, to each caller."""
        for asker, projects in self._keyed:
            for place in range(self._places):
                seen = walk(asker, "schedules", projects, {"page_size": 50}, place)
                there = {
                    one.id
                    for one in rows.schedules.values()
                    if one.deleted_at is None and one.definition.project_id in projects
                }
                yield from _differing(f"{asker.name}'s schedules, of host {place}", seen, there)
            seen = walk(asker, "jobs", projects, {"page_size": 100})
            ended = {job.id for job in rows.jobs.values() if job.project_id in projects}
            yield from _differing(f"{asker.name}'s jobs", seen, ended)

    def _live_on(self) -> None:
        """On a machine that is busy with other things: until they did enough to prove anything."""
        until = time.monotonic() + _LONGEST
        while time.monotonic() < until and any(self.too_little()):
            time.sleep(_GLANCE)

    def too_little(self) -> Iterator[str]:
        """What they did too seldom to prove anything."""
        return (
            f"{what}: {least}" for what, least in _LEAST.items() if self.notes.counts[what] < least
        )

    def _people(self) -> list[Operator | Reader]:
        """Each with a key of its own, but for the last two operators, who share one."""
        made: list[Operator | Reader] = []
        for number, project in self._projects.items():
            others = [one for one in self._projects.values() if one is not project]
            key = self._key(f"p{number}", Role.OPERATOR, [number])
            names = ["a", "b"] if number == _PROJECTS[-1] else ["a"]
            for name in names:
                asker = self._asker(f"p{number}{name}", key)
                chance = self._chance(asker.name)
                made.append(Operator(asker, project, others, self._calm.clock, chance))
            self._keyed.append((asker, [number]))
        *seen, unseen = self._projects.values()
        numbers = [one.number for one in seen]
        asker = self._asker("reader", self._key("reader", Role.VIEWER, numbers))
        self._keyed.append((asker, numbers))
        return [*made, Reader(asker, seen, unseen, self._chance("reader"))]

    def _key(self, name: str, role: Role, projects: Collection[int]) -> str:
        body = {"name": name, "role": role.value, "projects": list(projects)}
        got = self._admin.ask("POST", "/keys", body)
        assert got is not None and got.is_good, f"no key was made: {got}"
        return str(got.body["key"])

    def _asker(self, name: str, key: str) -> Asker:
        chance = self._chance(f"{name}'s way")
        made = Asker(name, key, self._folder, self._places, chance, self.notes)
        self._askers.append(made)
        return made

    def _chance(self, name: str) -> random.Random:
        return random.Random(f"{self._seed}:{name}")


def _differing(of: str, seen: Mapping[str, int] | None, there: Collection[str]) -> Iterator[str]:
    if seen is None:
        yield f"{of} were not shown"
        return
    missing, more = there - seen.keys(), seen.keys() - there
    twice = [one for one, count in seen.items() if count > 1]
    if missing or more or twice:
        yield f"{of}: missing {sorted(missing)}, not there {sorted(more)}, twice {twice}"
