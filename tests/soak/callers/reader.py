"""A viewer of two projects: lists them, and may change nothing."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence

from tests.soak.callers.asker import Asker
from tests.soak.callers.lists import page, walk
from tests.soak.callers.notes import Project

_PAUSE = 0.5


class Reader:
    """One. `other`: a project that it does not see."""

    def __init__(
        self, asker: Asker, projects: Sequence[Project], other: Project, chance: random.Random
    ) -> None:
        self._asker = asker
        self._projects = projects
        self._other = other
        self._chance = chance

    def live(self, over: threading.Event) -> None:
        """Something each moment, until then."""
        while not over.wait(self._chance.uniform(0, _PAUSE)):
            self._chance.choice([self.page, self.walk, self.look, self.change])()

    def page(self) -> None:
        """Schedules and jobs."""
        of = self._chance.choice(["schedules", "jobs"])
        page(self._asker, of, self._seen, {"page": self._chance.randrange(1, 4), "page_size": 7})

    def walk(self) -> None:
        """All jobs or schedules, by cursor: none twice."""
        of = self._chance.choice(["schedules", "schedules", "jobs"])
        seen = walk(self._asker, of, self._seen, {"page_size": 20 if of == "schedules" else 100})
        if seen is not None and seen.total() > len(seen):
            self._wrong(f"a walk showed {[one for one, count in seen.items() if count > 1]} twice")
        self._asker.notes.counts["walks"] += 1

    def look(self) -> None:
        """Into the other project: there is nothing."""
        of = self._chance.choice(["schedules", "jobs"])
        found = page(self._asker, of, self._seen, {"project_id": self._other.number})
        if found is not None and found["total"]:
            self._wrong(f"{of} of project {self._other.number}: {found['total']}")

    def change(self) -> None:
        """What it sees, and may not change."""
        some = [one for project in self._projects for one in project.staying()]
        if not some:
            return
        at = f"/schedules/{self._chance.choice(some).id}"
        method, path, body = self._chance.choice(
            [
                ("PATCH", at, {"description": "changed by a reader"}),
                ("DELETE", at, None),
                ("POST", f"{at}/execute", {"force": True}),
                ("POST", "/schedules", {"name": "a", "task_type": "quick", "frequency": "daily"}),
            ]
        )
        got = self._asker.ask(method, path, body)
        if got is not None and got.status != 403:
            self._wrong(f"{method} {path} by a viewer: {got.status} {got.text:.200}")

    @property
    def _seen(self) -> Sequence[int]:
        return [one.number for one in self._projects]

    def _wrong(self, text: str) -> None:
        self._asker.notes.wrong.append(f"{self._asker.name}: {text}")
