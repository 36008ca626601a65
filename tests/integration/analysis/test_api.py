"""The API of analyses, over an app of its own: schedules of analyses run, and what they found is
shown to their projects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from functions.customers.analysis import analysis
from local.azurite import Azurite
from local.ports import HOST
from shared.app import outgoing
from shared.outgoing import Rules, allowed
from shared.outgoing.client import Client
from tests.certificate import Certificate
from tests.integration.engine.conftest import make, tap
from tests.integration.schedules.conftest import Counter
from tests.unit.analysis.test_sarif import check
from tests.vendors.git import GitServer, git_server


@pytest.fixture
def server(tmp_path: Path, trusted: Certificate) -> Iterator[GitServer]:
    with git_server(tmp_path, trusted) as made:
        yield made


@pytest.fixture
def desk(
    azurite: Azurite, server: GitServer, trusted: Certificate, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Counter]:
    environ = {
        "ANALYSIS_HOSTS": urlsplit(server.url).netloc,
        "OUTGOING_RANGES": urlsplit(server.url).netloc,
    }
    monkeypatch.setattr(
        outgoing,
        "outgoing",
        lambda _, clock: Client(Rules(allowed=allowed([HOST])), clock, trusted=trusted.file),
    )
    engine = make(azurite, tasks=[analysis], environ=environ)
    tap(engine)
    yield Counter(engine)
    engine.calls.hold.set()


def test_a_schedule_of_an_analysis_from_its_making_to_its_findings(
    desk: Counter, server: GitServer
) -> None:
    source = server.repository("shop")
    commit = source.commit({"app.py": "import pickle\npickle.loads(given)\n"})
    body: dict[str, Any] = {
        "project_id": 1,
        "name": "Daily Security Scan",
        "task_type": "analysis",
        "frequency": "daily",
        "timezone": "America/New_York",
        "task_parameters": {
            "repository_id": 42,
            "analysis_type": "security",
            "include_dependencies": True,
            "notify_on_completion": True,
            "notification_emails": ["team@example.com"],
        },
    }
    field, _ = desk.wrong("POST", "/schedules", body)
    assert field == "task_parameters.repository_id", "there is none"
    repository = {"project_id": 1, "name": "shop", "url": f"{server.url}/shop"}
    desk.told("PUT", "/repositories/42", repository)
    made = desk.told("POST", "/schedules", body)
    desk.told("POST", f"/schedules/{made['id']}/execute", {"force": True})
    desk.engine.work()
    [one] = desk.told("GET", "/analyses?repository_id=42")["analyses"]
    assert (one["commit"], one["project_id"], one["complete"]) == (commit, 1, True)
    assert one["findings"]["new"] and one["findings"]["gone"] == {}
    assert desk.told("GET", f"/analyses/{one['id']}") == one
    found = desk.told("GET", f"/analyses/{one['id']}/findings?tool=bandit&page_size=1&page=2")
    assert (found["total"], len(found["findings"])) == (2, 1)
    assert found["findings"][0]["rule"] == "B301"
    log = desk.told("GET", f"/analyses/{one['id']}/sarif")
    check(log)
    assert desk.told("GET", f"/analyses/{one['id']}/sarif?gone=true") == log
    assert desk.told("GET", "/analyses?project_id=2")["total"] == 0
    assert desk.ask("GET", "/analyses/9-0123456789abcdef").status_code == 404
    assert desk.ask("GET", "/analyses/nothing").status_code == 422
