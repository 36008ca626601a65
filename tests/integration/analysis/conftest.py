"""Analyses of repositories on a Git server of the test's own, by https, kept in Azurite."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from local.azurite import Azurite
from local.ports import HOST
from shared.analysis.limits import Limits
from shared.analysis.model import AnalysisKind, Finding
from shared.analysis.osv import Vulnerabilities
from shared.analysis.service import Analyses
from shared.analysis.store import Store
from shared.clock import ManualClock, SystemClock
from shared.outgoing import Rules, allowed
from shared.outgoing.client import Client
from shared.resources.repositories import Repository
from shared.settings import Secret, StorageAccount
from shared.storage.connect import Connection
from shared.tasks import JobContext
from tests import certificate
from tests.context import job_of
from tests.dying import Dying
from tests.known import Known
from tests.vendors.git import GitServer, Source, git_server

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PROJECT = 7


class Resources(Known):
    """The repositories of the projects."""

    def add(self, repository_id: str, project_id: int | None, url: str, token: str = "") -> None:
        what = Repository(name=repository_id, url=url)
        self.keep(what, repository_id, project_id, {"token": token} if token else {})


@dataclass
class Lab:
    """Where repositories are analysed."""

    server: GitServer
    account: StorageAccount
    table: str
    certificate: certificate.Certificate
    store: Store
    resources: Resources
    clock: ManualClock
    limits: Limits = field(default_factory=Limits)
    modules: Mapping[str, str] = field(default_factory=dict)
    osv_url: str = "https://osv.invalid"
    ecosystems: tuple[str, ...] = ("PyPI",)
    _jobs: int = 0

    def service(self, store: Store | None = None) -> Analyses:
        way = Client(Rules(allowed=allowed([HOST])), SystemClock(), trusted=self.certificate.file)
        return Analyses(
            store=store or self.store,
            resources=lambda: self.resources,
            guarded=lambda: way,
            vulnerabilities=Vulnerabilities(
                self.store.container, lambda: way, self.osv_url, self.ecosystems
            ),
            allowed=[urlsplit(self.server.url).netloc],
            limits=self.limits,
            modules=self.modules,
        )

    def source(self, name: str = "42", project_id: int | None = PROJECT, token: str = "") -> Source:
        """A repository that the project may analyse."""
        self.resources.add(name, project_id, f"{self.server.url}/{name}", token)
        return self.server.repository(name)

    def job(self, *, attempt: int = 1, number: int | None = None, **more: Any) -> JobContext:
        """A job; without a number, of another occurrence than the ones before."""
        self._jobs = self._jobs + 1 if number is None else number
        return job_of(
            job_id=f"scan:{self._jobs}",
            attempt=attempt,
            clock=self.clock,
            **{"project_id": PROJECT} | more,
        )

    def run(
        self, name: str = "42", kind: AnalysisKind = AnalysisKind.SECURITY, **more: Any
    ) -> dict[str, Any]:
        """Analyse it; the job's result."""
        self.clock.advance(timedelta(minutes=1))
        job = more.pop("job", None) or self.job()
        return dict(self.service().run(job, repository_id=name, kind=kind, **more))

    def dying(self, left: int) -> Store:
        """The same storage, for a process that is killed after so many writes."""
        connection = Connection(self.account, Dying(left))
        return Store(connection.table(self.table), connection.blobs(f"{self.table}-analysis"))

    def rows(self) -> list[tuple[str, str]]:
        """(partition, key) of each row."""
        table = Connection(self.account).table(self.table)
        return [(one["PartitionKey"], one["RowKey"]) for one in table.query("")]

    def blobs(self) -> list[str]:
        return [one.name for one in self.store.container.items()]

    def found(self, result: Mapping[str, Any]) -> list[Finding]:
        service = self.service()
        return list(service.of(service.get(result["analysis_id"])))


@pytest.fixture(scope="session")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> certificate.Certificate:
    return certificate.make(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def lab(azurite: Azurite, tmp_path: Path, trusted: certificate.Certificate) -> Iterator[Lab]:
    prefix = f"a{uuid.uuid4().hex[:12]}"
    account = StorageAccount(connection_string=Secret(azurite.connection_string))
    connection = Connection(account)
    connection.create_table(prefix)
    store = Store(connection.table(prefix), connection.blobs(f"{prefix}-analysis"))
    root = tmp_path / "served"
    root.mkdir()
    with git_server(root, trusted) as server:
        yield Lab(server, account, prefix, trusted, store, Resources(), ManualClock(NOON))


__all__ = ["NOON", "PROJECT", "Lab", "lab", "trusted"]
