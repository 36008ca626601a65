"""The API of budgets: who sets which, how they stand, and what a person's run is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from local.azurite import Azurite
from shared.access import LOCAL, Role
from shared.api.budgets.held import may_force
from shared.errors import Conflict
from shared.schedules.job import Status
from tests.integration.schedules.conftest import Counter
from tests.integration.spending.test_budgets import made as engine_of

PROJECT = "/budgets/projects/5"
WANTED = {"amount": 0.00005, "period": "day", "timezone": "Europe/Berlin"}


@pytest.fixture
def counter(azurite: Azurite) -> Iterator[Counter]:
    yield Counter(engine_of(azurite))


def test_a_budget_is_set_read_changed_and_removed(counter: Counter) -> None:
    said = counter.told("PUT", PROJECT, WANTED)
    assert (said["of"], said["id"], said["amount"], said["currency"]) == (
        "project",
        "5",
        0.00005,
        "USD",
    )
    assert (said["spent"], said["left"], said["over_since"], said["holds"]) == (0, 5e-5, None, True)
    assert (said["begins_at"], said["ends_at"]) == ("2026-02-28T23:00:00Z", "2026-03-01T23:00:00Z")
    assert counter.told("GET", PROJECT) == said
    raised = counter.told("PUT", PROJECT, WANTED | {"amount": "0.1"})
    assert raised["amount"] == 0.1
    assert counter.told("GET", "/budgets")["budgets"] == [raised]
    entries = counter.told("GET", "/audit?project_id=5")["entries"]
    assert [(one["action"], one["subject"]["kind"]) for one in entries] == [
        ("change", "budget"),
        ("create", "budget"),
    ]
    assert counter.ask("DELETE", PROJECT).status_code == 204
    assert counter.ask("DELETE", PROJECT).status_code == 404
    assert counter.told("GET", "/budgets")["total"] == 0


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": -1}, "amount"),
        ({"amount": 0.0000001}, "amount"),
        ({"currency": "EUR"}, "currency"),
        ({"timezone": "Europe/Nowhere"}, "timezone"),
        ({"period": "week"}, "period"),
    ],
)
def test_what_is_wrong_is_named(counter: Counter, change: dict[str, object], field: str) -> None:
    assert counter.wrong("PUT", PROJECT, WANTED | change)[0] == field


def test_a_persons_run_is_refused_over_a_budget_unless_forced(counter: Counter) -> None:
    one = counter.made(task_type="costs", project_id=5)
    own = f"/budgets/schedules/{one['id']}"
    counter.told("PUT", own, WANTED)
    counter.told("POST", f"/schedules/{one['id']}/execute", {"force": True})
    (job,) = counter.engine.work()
    stands = counter.told("GET", own)
    assert (stands["spent"], stands["jobs"], stands["left"]) == (0.000052, 1, 0)
    assert stands["over_since"] is not None
    answer = counter.ask("POST", f"/schedules/{one['id']}/execute", {})
    assert answer.status_code == 409, answer.text
    counter.told("POST", f"/schedules/{one['id']}/execute", {"force": True})
    assert [job.status for job in counter.engine.work()] == [Status.SUCCEEDED]
    failed = counter.ask("POST", f"/jobs/{job.id}/retry")
    assert failed.status_code == 409 and "is used up" in failed.text


def test_a_project_cannot_force_runs_beyond_its_budget(counter: Counter) -> None:
    """Its operators may do so with a schedule's budget, which is theirs."""
    one = counter.made(task_type="costs", project_id=5)
    counter.told("PUT", f"/budgets/schedules/{one['id']}", WANTED | {"amount": 0})
    app = counter.engine.app
    theirs = replace(LOCAL, role=Role.OPERATOR, projects=frozenset({5}))
    may_force(app, theirs, one["id"], 5)
    counter.told("PUT", PROJECT, WANTED | {"amount": 0})
    with pytest.raises(Conflict, match="a caller of all projects"):
        may_force(app, theirs, one["id"], 5)
    may_force(app, LOCAL, one["id"], 5)
