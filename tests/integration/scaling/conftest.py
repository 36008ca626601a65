"""The scaling policy on real Azurite, with Azure's management API on a local socket."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.operations.scaling_policy import scaling_policy
from local.azurite import Azurite
from shared.access import LOCAL
from shared.alerts.port import AlertKind
from shared.app import App, build
from shared.app.scaling import bounds
from shared.audit.listing import Wanted
from shared.clock import ManualClock
from shared.scaling.row import StateRow
from shared.scaling.service import Scaling
from shared.scaling.site import Site
from shared.scaling.steps import Rules
from shared.scaling.traffic import Traffic
from shared.settings import from_env
from shared.tasks import JobContext, Registry, Result
from tests.context import job_of, result_of
from tests.vendors.azure import SITE, Azure, azure
from tests.vendors.entra import Endpoint, identity

START = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
_prefixes = itertools.count()


@dataclass
class Alerts:
    """Records what people are told."""

    said: list[tuple[str, AlertKind]] = field(default_factory=list)

    def open(self, kind: AlertKind, about: str, text: str, *, level: int = 0) -> None:
        del about, text, level
        self.said.append(("open", kind))

    def close(self, kind: AlertKind, about: str, text: str) -> None:
        del about, text
        self.said.append(("close", kind))

    def happened(self, kind: AlertKind, about: str, text: str, *, key: str) -> None:
        del about, text, key
        self.said.append(("happened", kind))


class Office:
    """An app with the policy, as a test drives it."""

    def __init__(self, app: App, clock: ManualClock, server: Azure, entra: Endpoint) -> None:
        self.app = app
        self.clock = clock
        self.azure = server
        self.entra = entra
        self.alerts = Alerts()
        self.process = self.another()
        self.scaling = self.service()

    def another(self) -> Traffic:
        """What another process counts."""
        return Traffic(
            self.app.connection.table(f"{self.app.settings.prefix}schedules"), self.clock
        )

    def service(self, *, apply: bool = True, site: bool = True, off: bool = False) -> Scaling:
        """The service of another process."""
        rules = Rules(bounds(self.app.settings.scaling), apply=apply)
        return Scaling(
            rules=None if off else rules,
            traffic=self.process,
            queue=self.app.queue,
            row=StateRow(self.app.meta),
            site=Site(SITE, self.entra.client_id, self.azure.url) if site else None,
            audit=self.app.audit,
            alerts=lambda: self.alerts,
        )

    def answer(self, rate: int, minutes: int = 7, seconds: float = 0.05) -> None:
        """Let minutes pass in which so many requests are answered."""
        for _ in range(minutes):
            for _ in range(rate):
                self.process.count(seconds)
            self.clock.advance(MINUTE)
            self.process.write()

    def job(self, *, dry_run: bool = False) -> JobContext:
        name = f"scaling_policy-{self.clock.now():%Y%m%dT%H%M%SZ}"
        return job_of(job_id=name, clock=self.clock, dry_run=dry_run)

    def run(self, scaling: Scaling | None = None, *, dry_run: bool = False) -> Result:
        """Do what the task does."""
        return result_of(scaling_policy, self.job(dry_run=dry_run), scaling=scaling or self.scaling)

    def audited(self) -> list[tuple[str, Any, Any]]:
        """(outcome, before, after) of what the audit was told, the oldest first."""
        records = self.app.audit.page(Wanted(), LOCAL, 1, 100).records
        found = [one.entry() for one in reversed(records)]
        return [(one.outcome.value, one.before, one.after) for one in found]


@pytest.fixture
def server() -> Iterator[Azure]:
    with azure() as made:
        yield made


@pytest.fixture
def entra(monkeypatch: pytest.MonkeyPatch, server: Azure) -> Iterator[Endpoint]:
    with identity(monkeypatch, server.url) as made:
        server.tokens = made.given
        yield made


@pytest.fixture
def office(azurite: Azurite, server: Azure, entra: Endpoint) -> Office:
    given = from_env(
        {
            "AzureWebJobsStorage": azurite.connection_string,
            "BELFRY_PREFIX": f"scal{next(_prefixes)}",
            "SCALING": "apply",
            "SCALING_SITE": SITE,
        }
    )
    clock = ManualClock(START)
    app = build(given, clock, Registry([scaling_policy]))
    app.create()
    return Office(app, clock, server, entra)
