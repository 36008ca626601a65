"""An app with the task `health_check`, whose way out leads to this machine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import pytest

from local.azurite import Azurite
from shared.clock import ManualClock, SystemClock
from shared.outgoing.client import Client
from shared.outgoing.rules import Rules, allowed
from shared.probes.itself import Itself
from shared.probes.model import Measured
from shared.probes.params import HealthCheck
from shared.probes.reaching import Place, Reaching
from shared.probes.service import Probes
from shared.probes.store import Store
from shared.resources.targets import Target
from shared.settings import Secret
from shared.tasks import JobContext
from tests.context import job_of
from tests.integration.engine.conftest import START, Engine, make, tap
from tests.known import Known

HERE = Rules(allowed=allowed(["127.0.0.0/8", "localhost"]))
"""What a setting OUTGOING_RANGES of a test allows."""


class Targets(Known):
    """The targets of projects."""

    def add(
        self,
        name: str,
        project: int | None = 7,
        secrets: Mapping[str, str] | None = None,
        **what: Any,
    ) -> str:
        self.keep(Target(name=name, **what), name, project, secrets or {})
        return name


@dataclass
class Desk:
    """The service over real storage, with a clock of the test's own."""

    engine: Engine
    probes: Probes
    store: Store
    targets: Targets
    reaching: Reaching

    @property
    def clock(self) -> ManualClock:
        return self.engine.clock

    def job(
        self,
        schedule_id: str = "check",
        *,
        project: int | None = 7,
        attempt: int = 1,
        due: Any = None,
    ) -> JobContext:
        at = (due or self.clock.now()).astimezone(UTC)
        return job_of(
            job_id=f"{schedule_id}-{at:%Y%m%dT%H%M%SZ}",
            schedule_id=schedule_id,
            project_id=project,
            due_at=at,
            attempt=attempt,
            clock=self.clock,
        )

    def check(self, schedule_id: str = "check", **wanted: Any) -> dict[str, Any]:
        """What a run of it returns, a minute after the one before."""
        self.engine.later(60)
        return dict(self.probes.check(self.job(schedule_id), HealthCheck.model_validate(wanted)))

    def look(self, target: str, **wanted: Any) -> Measured:
        """What is found at a target of project 7, without anything kept of it."""
        one = self.targets.target(target, 7)
        place = Place(
            what=one.what,
            url=one.secrets.get("url", Secret("")),
            authorization=one.secrets.get("authorization", Secret("")),
        )
        params = HealthCheck.model_validate({"target_id": target, **wanted})
        params.hold(one.what.kind)
        return self.reaching.look(place, params, threading.Event())


def desk_of(engine: Engine, trusted: Any = None, resolve: Callable[[], Any] | None = None) -> Desk:
    app, targets = engine.app, Targets()
    client = Client(HERE, SystemClock(), trusted=trusted)
    reaching = Reaching(
        client,
        SystemClock(),
        resolve=resolve or (lambda: pytest.fail("nothing is looked up")),
        trusted=str(trusted or ""),
    )
    store = app.health_checks()
    probes = Probes(
        store,
        Itself(app.meta, engine.clock),
        lambda: reaching,
        lambda: targets,
        lambda: client,
        engine.clock,
    )
    return Desk(engine, probes, store, targets, reaching)


@pytest.fixture
def desk(azurite: Azurite) -> Desk:
    engine = make(azurite)
    tap(engine)
    return desk_of(engine)


__all__ = ["START", "Desk", "Targets", "desk", "desk_of"]
