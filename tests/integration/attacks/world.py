"""The world that is attacked: project 1 with something in each place (`town`), project 2, whose
keys attack, and keys that do not count."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx

from local.azurite import Azurite
from shared.access import LOCAL, Role
from shared.access import keys as pure
from shared.api.feed.app import feed
from shared.engine.commands.backfills import Wish
from shared.recurrence import Frequency, Recurrence
from shared.schedules.model import Definition, Policy
from tests.integration.access.asking import Asking
from tests.integration.access.planting import MARK
from tests.integration.access.town import Town, town
from tests.integration.attacks.attack import Attack

SCHEDULE: dict[str, Any] = {"name": "x", "task_type": "own_work", "frequency": "daily"}
USED_KEY = "8e03978e-40d5-43e8-bc93-6894a57f9324"
"""An `Idempotency-Key` with which project 1, and the stranger, created a schedule each."""


@dataclass(repr=False)
class World:
    """The app, with what there is of project 1 and of project 2."""

    town: Town
    named: dict[str, object]
    """What attacks may name. `their ...` is of project 1, `own ...` of project 2."""
    keys: dict[str, str]
    """By whose they are."""
    known: dict[Any, Any] = field(default_factory=dict)
    """What is stored, as of the last look."""

    @cached_property
    def feed(self) -> Asking:
        """The app of the calendar feed."""
        return Asking(self.asking.app, feed)

    @property
    def asking(self) -> Asking:
        return self.town.asking

    def ask(self, attack: Attack) -> httpx.Response:
        """Send it, from an address of its own."""
        key = None if attack.by is None else self.keys[attack.by]
        asking = self.feed if attack.of_feed else self.asking
        return asking.ask(attack.method(), attack.path(self.named), key, **attack.sent(self.named))

    def disclosed(self, attack: Attack, answer: httpx.Response) -> list[str]:
        """What an answer tells of project 1 or of nobody's that the request did not contain."""
        told = answer.text + str(dict(answer.headers))
        for name in sorted(attack.names(), key=lambda one: -len(str(self.named[one]))):
            told = told.replace(str(self.named[name]), "")
        theirs = [str(one) for name, one in self.named.items() if name.startswith("their ")]
        return [one for one in (MARK, *theirs) if len(one) > 5 and one in told]

    def changed(self) -> dict[str, Any]:
        """What is stored otherwise than at the last look."""
        before, self.known = self.known, self.town.stored()
        keys = before.keys() | self.known.keys()
        return {
            str(key): (before.get(key), self.known.get(key))
            for key in keys
            if before.get(key) != self.known.get(key)
        }


@contextmanager
def world(azurite: Azurite, folder: Path) -> Iterator[World]:
    """The world."""
    with town(azurite, folder) as there:
        keys = _keys(there)
        named = {f"their {name}": value for name, value in there.named.items() if ":" not in name}
        plan = "/api/v1/backups/plans/{schedule_id}:schedule_id"
        named |= {"their plan": there.named[plan], "mark": MARK, "used key": USED_KEY}
        made = World(there, named, keys)
        _project_1(made)
        _project_2(made)
        _cursors(made)
        made.changed()
        yield made


def _keys(there: Town) -> dict[str, str]:
    app, now = there.asking.app, there.engine.clock.now()
    key = there.asking.key
    revoked = app.keys.create(LOCAL, "gone", Role.ADMIN, None)
    app.keys.revoke(LOCAL, revoked.key.id)
    until = now + timedelta(seconds=1)
    made = {
        "admin": there.admin,
        "owner": key(Role.ADMIN, 1),
        "stranger": key(Role.ADMIN, 2),
        "operator": key(Role.OPERATOR, 2),
        "viewer": key(Role.VIEWER, 2),
        "operator of all": key(Role.OPERATOR),
        "moved": key(Role.OPERATOR, 1),
        "short": app.keys.create(
            LOCAL, "short", Role.ADMIN, frozenset([2]), now + timedelta(days=1)
        ).text,
        "revoked": revoked.text,
        "expired": app.keys.create(LOCAL, "late", Role.ADMIN, None, until).text,
    }
    there.engine.later(2)
    ours, theirs = made["stranger"], made["admin"]
    secret = ours.rpartition("_")[2]
    return made | {
        "admin's id, own secret": f"{theirs.rpartition('_')[0]}_{secret}",
        "of nobody": pure.new_text(pure.new_id()),
        "in capitals": theirs.upper(),
        "cut short": theirs[:-1],
    }


def _project_1(world: World) -> None:
    """More of project 1: what was created with an `Idempotency-Key`, and a feed's token."""
    named, asking, owner = world.named, world.asking, world.keys["owner"]
    used = {"Idempotency-Key": USED_KEY}
    body = {**SCHEDULE, "name": f"{MARK} theirs", "tags": {"managed_by": MARK}}
    made = asking.ask("POST", "/api/v1/schedules", owner, json=body, headers=used)
    assert made.status_code == 201, made.text
    named["their etagged"] = made.json()["id"]
    named["their etag"] = made.headers["etag"]
    named["their name"] = body["name"]
    named["their calendar"] = f"{MARK} calendar"
    named["their key"] = pure.id_in(owner)
    named["admin key"] = pure.id_in(world.keys["admin"])
    named["admin secret"] = world.keys["admin"]
    named["operator key"] = pure.id_in(world.keys["operator"])
    body = {"name": f"{MARK} second", "project_id": 1}
    named["their token"] = _token(asking, owner, body)
    named["their token in capitals"] = str(named["their token"]).upper()


def _project_2(world: World) -> None:
    """What the stranger has: two schedules, a job, a backfill, a calendar, a key."""
    named, asking, key = world.named, world.asking, world.keys["stranger"]
    engine = world.town.engine
    used = {"Idempotency-Key": USED_KEY}
    calendar = {"name": "feast", "days": [{"day": "2026-03-02", "reason": "feast"}]}
    named["own calendar"] = asking.told("POST", "/api/v1/calendars", key, json=calendar)["id"]
    years = [f"{date(2026, 3, 2) + timedelta(number)}" for number in range(1000)]
    calendar = {"name": "closed", "days": [{"day": day} for day in years]}
    asking.told("POST", "/api/v1/calendars", key, json=calendar)
    moved = {"name": "second", "calendars": ["feast"], "calendar_rule": "next"}
    made = [
        asking.told("POST", "/api/v1/schedules", key, json=SCHEDULE | more, headers=sent)
        for more, sent in (({"name": "own"}, used), (moved, {}))
    ]
    named |= {"own schedule": made[0]["id"], "own moved": made[1]["id"]}
    when = Recurrence(frequency=Frequency.INTERVAL, interval_seconds=60)
    what = Definition(name="each minute", project_id=2, task_type="works", recurrence=when)
    working = engine.app.manager.create(what, Policy())
    engine.later(120)
    engine.tick()
    engine.work()
    began = working.created_at
    wish = Wish(first=began - timedelta(minutes=2), end=began)
    backfill = engine.app.backfills.start(working.id, wish)
    engine.app.backfills.cancel(working.id, backfill.order.id, "over")
    jobs = asking.told("GET", f"/api/v1/jobs?schedule_id={working.id}", key)["jobs"]
    named |= {"own work": working.id, "own backfill": backfill.order.id, "own job": jobs[0]["id"]}
    named["own token"] = _token(asking, key, {"name": "own"})
    named["revoked token"] = _token(asking, key, {"name": "gone"}, revoked=True)
    _moved(world)
    named["own key"] = pure.id_in(world.keys["viewer"])


def _token(asking: Asking, key: str, body: object, *, revoked: bool = False) -> str:
    """The token of a new feed."""
    at = "/api/v1/calendars/feeds"
    made = asking.told("POST", at, key, json=body)
    if revoked:
        asking.told("DELETE", f"{at}/{made['id']}", key)
    return str(made["path"].partition("token=")[2])


def _moved(world: World) -> None:
    """A key that created something of project 1, and was given project 2 in its place."""
    asking, key = world.asking, world.keys["moved"]
    body, sent = SCHEDULE | {"name": "moved"}, {"Idempotency-Key": "moved"}
    made = asking.told("POST", "/api/v1/schedules", key, json=body, headers=sent)
    world.named["their moved"] = made["id"]
    path = f"/api/v1/keys/{pure.id_in(key)}"
    asking.told("PATCH", path, world.keys["admin"], json={"projects": [2]})


LISTS = ("schedules", "jobs", "audit")
"""The lists that are walked by cursor."""


def _cursors(world: World) -> None:
    """Of each list, the cursor of the second page: the owner's, the admin's, the stranger's."""
    for of in LISTS:
        for who in ("owner", "admin", "stranger"):
            path = f"/api/v1/{of}?page_size=1"
            cursor = world.asking.told("GET", path, world.keys[who])["next_cursor"]
            assert cursor is not None
            world.named[f"{who} cursor of {of}"] = cursor
        own = str(world.named[f"stranger cursor of {of}"])
        world.named |= {
            f"stranger cursor of {of} with a bit changed": ("B" if own[0] == "A" else "A")
            + own[1:],
            f"stranger cursor of {of} cut short": own[:-4],
            f"stranger cursor of {of} made longer": own + "AAAA",
        }
