"""A world for syncs: targets by their ids, and a way to places without the guard, for storage and
databases of the test's own."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg

from local.azurite import ACCOUNT
from shared.clock import Clock, SystemClock
from shared.resources.targets import Target, TargetKind
from shared.settings import Secret, StorageAccount
from shared.storage import failures
from shared.storage.connect import Connection
from shared.storage.names import Names
from shared.sync.plan import SyncPlan
from shared.sync.service import Syncs
from shared.sync.store import SyncStore
from shared.tasks import JobContext, Result
from tests.context import job_of
from tests.known import Known

AT = datetime(2030, 1, 1, 3, 0, tzinfo=UTC)
Changes = Callable[[Any, Any], Any]


class Targets(Known):
    """The targets of a test."""

    def add(self, target_id: str, project_id: int | None, url: str, **said: Any) -> None:
        secrets = {"url": url} if url else {}
        self.keep(Target(name=target_id, **said), target_id, project_id, secrets)


@dataclass
class Plain:
    """A `Reach` that goes anywhere. `kill`: the process kills itself instead of the write of that
    number, from 1 on. `before`: called before each request, with the request."""

    kill: int = 0
    before: Callable[[Any], None] = lambda _: None
    after: Callable[[Any, Any], None] = lambda _request, _answer: None
    writes: int = 0
    requests: int = 0
    held: list[str] = field(default_factory=list)

    def hold(self, url: str) -> None:
        self.held.append(url)

    def transport(self, stop: threading.Event) -> Any:
        del stop
        inner, lock, reach = failures.transport(), threading.Lock(), self

        class Watched(type(inner)):  # type: ignore[misc]
            def send(self, request: Any, **options: Any) -> Any:
                with lock:
                    reach.requests += 1
                    if request.method not in ("GET", "HEAD"):
                        reach.writes += 1
                        if reach.writes == reach.kill:
                            os.kill(os.getpid(), signal.SIGKILL)
                reach.before(request)
                answer = super().send(request, **options)
                reach.after(request, answer)
                return answer

        return Watched()

    def database(self, url: str) -> psycopg.Connection[Any]:
        return psycopg.connect(url)


@dataclass
class World:
    """An own account (with a prefix of its own) and targets."""

    text: str
    prefix: str
    targets: Targets = field(default_factory=Targets)
    reach: Plain = field(default_factory=Plain)
    clock: Clock = field(default_factory=SystemClock)
    own: frozenset[str] = frozenset({"belfryown"})

    @property
    def store(self) -> SyncStore:
        account = StorageAccount(connection_string=Secret(self.text))
        return SyncStore(Connection(account), Names(self.prefix))

    @property
    def service(self) -> Syncs:
        return Syncs(self.targets, self.reach, self.store, self.own)

    def place(self, target_id: str, kind: TargetKind, url: str = "", **more: Any) -> None:
        """A target of the company's own: only these may be at an emulator."""
        self.targets.add(target_id, None, url or self.text, kind=kind, **more)

    def run(self, number: int = 1, attempt: int = 1, **plan: Any) -> Result:
        return self.service.sync(SyncPlan(**plan), self.job(number, attempt))

    def job(self, number: int = 1, attempt: int = 1) -> JobContext:
        return job(number, attempt, self.clock)


def job(number: int, attempt: int, clock: Clock, project_id: int | None = None) -> JobContext:
    """An attempt of the job of that number."""
    due = AT.replace(day=number)
    return job_of(
        job_id=f"nightly-{due:%Y%m%dT%H%M%SZ}",
        project_id=project_id,
        due_at=due,
        attempt=attempt,
        clock=clock,
    )


def described(world: World) -> Mapping[str, Any]:
    """What another process needs to make the same world."""
    return {
        "text": world.text,
        "prefix": world.prefix,
        "targets": [
            one.what.model_dump(mode="json") | {"id": one.id, "url": one.secrets["url"].reveal()}
            for one in world.targets.resources.values()
        ],
    }


def made(said: Mapping[str, Any], kill: int) -> World:
    """That world, in the process that is killed."""
    world = World(said["text"], said["prefix"], reach=Plain(kill=kill))
    for one in said["targets"]:
        what = {key: value for key, value in one.items() if key not in ("id", "url", "name")}
        world.targets.add(one["id"], None, one["url"], **what)
    return world


__all__ = ["ACCOUNT", "AT", "Plain", "Targets", "World", "described", "job", "made"]
