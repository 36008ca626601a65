"""An operator of a project: creates, changes, runs, backfills, deletes and lists its schedules, by
the API alone, and asks again when an answer is lost."""

from __future__ import annotations

import random
import threading
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from shared.clock import Clock
from tests.soak.callers.asker import Answer, Asker
from tests.soak.callers.lists import page, walk
from tests.soak.callers.notes import Deed, Known, Notes, Project, Verb
from tests.soak.world import BASE
from tests.together import together

_TASKS = ("quick", "quick", "flaky", "limited", "slow")
_FIRST = 5
"""Schedules that each makes at the beginning."""
_MOST = 40
"""Schedules of a project, so that a walk does not become longer and longer."""
_PAUSE = 0.4
_FILTERS: Sequence[Mapping[str, object]] = (
    {},
    {"state": "healthy"},
    {"enabled": "true"},
    {"tags.team": "a"},
    {"task_type": "quick", "sort": "name"},
)


class Operator:
    """One, with the knowledge of its project, and of those that are none of its business."""

    def __init__(
        self,
        asker: Asker,
        project: Project,
        others: Collection[Project],
        clock: Clock,
        chance: random.Random,
    ) -> None:
        self._asker = asker
        self._project = project
        self._others = others
        self._clock = clock
        self._chance = chance
        self._number = 0

    @property
    def notes(self) -> Notes:
        return self._asker.notes

    def live(self, over: threading.Event) -> None:
        """Something each moment, until then."""
        for _ in range(_FIRST):
            self.create()
        verbs = [self.create] * 3 + [self.change] * 5 + [self.execute] * 3 + [self.backfill] * 3
        verbs += [self.delete, self.trespass, self.page, self.jobs, self.walk, self.walk]
        while not over.wait(self._chance.uniform(0, _PAUSE)):
            self._chance.choice(verbs)()

    def create(self) -> None:
        """A schedule; the list shows it from then on."""
        if len(self._project.schedules) >= _MOST:
            return
        name, every = self._mark("s"), self._chance.randrange(300, 1800)
        task, wide = self._chance.choice(_TASKS), self._chance.random() < 0.3
        body = {
            "name": name,
            "task_type": task,
            "frequency": "interval",
            "interval_seconds": every,
            "tags": {"team": self._chance.choice("ab")},
            "overlap": "allow_all" if wide else "skip",
            "max_attempts": 4,
            "retry_delay_seconds": 10,
        }
        got = self._keyed("/schedules", body)
        made = self._deed(Verb.CREATE, got, 201, mark=name)
        if made.done is True:
            quick = task in ("quick", "flaky")
            one = Known(id=made.schedule, name=name, every=every, wide=wide, quick=quick)
            found = page(self._asker, "schedules", self._mine, {"q": name})
            if found is not None and [it["id"] for it in found["schedules"]] != [one.id]:
                self._wrong(f"{one.id} was created, and a list shows {found['schedules']}")
            self._project.schedules[one.id] = one

    def change(self) -> None:
        """What was read just before, and no newer one."""
        if (one := self._some()) is None or (read := self._read(one)) is None:
            return
        mark = self._mark("d")
        more: Sequence[Mapping[str, Any]] = (
            {},
            {},
            {"tags": {"team": self._chance.choice("ab")}},
            {"enabled": self._chance.random() < 0.8},
        )
        body = {"description": mark} | dict(self._chance.choice(more))
        headers = {"If-Match": read.headers["etag"]}
        got = self._asker.ask("PATCH", f"/schedules/{one.id}", body, headers=headers)
        saw = read.body["description"]
        self._deed(Verb.CHANGE, got, 200, 412, 409, one=one, mark=mark, saw=saw)

    def delete(self) -> None:
        """One that was read just before."""
        if (one := self._some()) is None or (read := self._read(one)) is None:
            return
        one.leaving = True
        headers = {"If-Match": read.headers["etag"]}
        got = self._asker.ask("DELETE", f"/schedules/{one.id}", headers=headers)
        self._deed(Verb.DELETE, got, 204, 412, 409, one=one, mark=one.id)

    def execute(self) -> None:
        """A run, now."""
        if (one := self._some()) is not None:
            got = self._keyed(f"/schedules/{one.id}/execute", {"force": True})
            self._deed(Verb.EXECUTE, got, 202, 409, one=one, mark=self._mark("e"))

    def backfill(self) -> None:
        """Of a time before there was anything, or of the last one."""
        one = self._some(quick=True)
        if one is None:
            return
        length = timedelta(seconds=one.every * self._chance.randrange(2, 6))
        end = BASE if self._chance.random() < 0.7 else self._clock.now() - timedelta(seconds=60)
        body = {
            "from": _text(end - length),
            "to": _text(end),
            "pace": self._chance.randrange(1, 4) if one.wide else 1,
            "order": self._chance.choice(["oldest_first", "newest_first"]),
        }
        got = self._keyed(f"/schedules/{one.id}/backfill", body)
        self._deed(Verb.BACKFILL, got, 202, 409, 422, one=one, mark=self._mark("b"))

    def trespass(self) -> None:
        """Ask for what is another project's: it does not exist."""
        theirs = [one for other in self._others for one in other.staying()]
        if not theirs:
            return
        at = f"/schedules/{self._chance.choice(theirs).id}"
        hour = {"from": _text(BASE - timedelta(hours=1)), "to": _text(BASE)}
        method, path, body = self._chance.choice(
            [
                ("GET", at, None),
                ("PATCH", at, {"description": "stolen"}),
                ("DELETE", at, None),
                ("POST", f"{at}/execute", {"force": True}),
                ("POST", f"{at}/backfill", hour),
            ]
        )
        got = self._asker.ask(method, path, body)
        if got is not None and got.status != 404:
            self._wrong(f"{method} {path} of another project: {got.status} {got.text:.200}")
        self.notes.counts["trespasses"] += 1

    def page(self) -> None:
        """Some page, by its number."""
        query = {"page": self._chance.randrange(1, 4), "page_size": 7}
        page(self._asker, "schedules", self._mine, query | dict(self._chance.choice(_FILTERS)))

    def jobs(self) -> None:
        """The first jobs."""
        page(self._asker, "jobs", self._mine, {"page_size": 20})

    def walk(self) -> None:
        """All schedules by cursor: those that are there from beginning to end, once each."""
        before = [one.id for one in self._project.staying()]
        size = self._chance.choice([3, 7, 20])
        sort = self._chance.choice(["newest", "name"])
        seen = walk(self._asker, "schedules", self._mine, {"page_size": size, "sort": sort})
        if seen is None:
            return
        stay = {one.id for one in self._project.staying()}
        missing = [one for one in before if one in stay and not seen[one]]
        twice = [one for one, count in seen.items() if count > 1]
        if missing or twice:
            self._wrong(f"a walk by {sort} missed {missing}, and saw {twice} twice")
        self.notes.counts["walks"] += 1

    @property
    def _mine(self) -> Collection[int]:
        return (self._project.number,)

    def _some(self, quick: bool = False) -> Known | None:
        found = [one for one in self._project.staying() if one.quick or not quick]
        return self._chance.choice(found) if found else None

    def _read(self, one: Known) -> Answer | None:
        got = self._asker.ask("GET", f"/schedules/{one.id}")
        if got is not None and not got.is_good and not (got.status == 404 and one.leaving):
            self._wrong(f"{one.id} cannot be read: {got.status} {got.text:.200}")
        return got if got is not None and got.is_good else None

    def _keyed(self, path: str, body: Any) -> Answer | None:
        """Ask with a key: once, or twice at once of whichever hosts, and perhaps once more."""
        headers = {"Idempotency-Key": self._mark("k")}
        ask = partial(self._asker.ask, "POST", path, body, headers=headers)
        answers = together(ask, ask) if self._chance.random() < 0.2 else [ask()]
        good = [one for one in answers if one is not None and one.is_good]
        if good and self._chance.random() < 0.3 and (again := ask()) is not None:
            self.notes.counts["asked again"] += 1
            if again.text not in [one.text for one in good]:
                self._wrong(f"{path} was answered {good[0].text:.200}, then {again.text:.200}")
        if good:
            return good[0]
        refused = [one for one in answers if one is not None]
        uncertain = [one for one in refused if not one.certain]
        return None if len(refused) < len(answers) else next(iter(uncertain or refused))

    def _deed(
        self,
        verb: Verb,
        got: Answer | None,
        good: int,
        *allowed: int,
        one: Known | None = None,
        mark: str,
        saw: str = "",
    ) -> Deed:
        """Note it. `allowed`: how it may be refused; if the schedule may be gone, also by 404."""
        gone = (404,) if one is not None and one.leaving else ()
        if got is not None and got.status not in (good, *allowed, *gone):
            self._wrong(f"{verb} {mark}: {got.status} {got.text:.300}")
        promised = got is not None and got.status == good
        certain = got is not None and got.certain
        done = True if promised else (False if certain else None)
        told = got.body if promised and got is not None else {}
        made = Deed(
            verb=verb,
            by=self._asker.name,
            project=self._project.number,
            schedule=told.get("id", "") if one is None else one.id,
            mark=mark,
            saw=saw,
            done=done,
            told=told,
        )
        self.notes.deeds.append(made)
        said = {True: "promised", False: "refused", None: "unanswered"}[done]
        self.notes.counts[f"{verb} {said}"] += 1
        return made

    def _mark(self, kind: str) -> str:
        self._number += 1
        return f"{self._asker.name}-{kind}{self._number}"

    def _wrong(self, text: str) -> None:
        self.notes.wrong.append(f"{self._asker.name}: {text}")


def _text(at: datetime) -> str:
    return at.replace(microsecond=0).isoformat()
