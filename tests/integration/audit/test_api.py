"""`GET /api/v1/audit` and `GET /api/v1/schedules/{id}/audit`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from local.azurite import Azurite
from shared.tasks import JobContext, Params, Result, task
from tests.integration.engine.conftest import make, tap
from tests.integration.schedules.conftest import Counter


class Words(Params):
    api_key: str
    word: str


@task("tells")
def tells(job: JobContext, params: Words) -> Result:
    """Takes a secret."""
    return {"word": params.word}


@pytest.fixture
def counter(azurite: Azurite) -> Iterator[Counter]:
    engine = make(azurite, tasks=[tells])
    tap(engine)
    yield Counter(engine)
    engine.calls.hold.set()


def test_a_change_shows_what_differs(counter: Counter) -> None:
    made = counter.made(task_type="tells", task_parameters={"api_key": "k-123", "word": "a"})
    counter.changed(made, name="weekly", task_parameters={"api_key": "k-999", "word": "b"})
    found = counter.told("GET", f"/schedules/{made['id']}/audit")
    assert (found["total"], found["page"], found["pages"]) == (2, 1, 1)
    last, first = found["entries"]
    assert (first["action"], first["before"], first["changes"]) == ("create", None, [])
    assert (last["action"], last["outcome"], last["by"]["name"]) == ("change", "done", "local")
    assert last["subject"] == {"kind": "schedule", "id": made["id"], "project_id": None}
    assert last["changes"] == [
        {"path": "/name", "before": "nightly", "after": "weekly"},
        {"path": "/revision", "before": 1, "after": 2},
        {"path": "/task_parameters/word", "before": "a", "after": "b"},
    ]
    assert "k-999" not in str(found)
    assert "k-123" not in str(found)
    assert last["number"] == first["number"] + 1


def test_it_is_filtered_and_paged(counter: Counter) -> None:
    one = counter.made(project_id=7)
    other = counter.made(name="other", project_id=8)
    for path in ("disable", "enable", "disable"):
        counter.told("POST", f"/schedules/{one['id']}/{path}")
    counter.ask("DELETE", f"/schedules/{other['id']}")

    def listed(query: str) -> list[tuple[str, str]]:
        entries = counter.told("GET", f"/audit?{query}")["entries"]
        return [(entry["subject"]["id"], entry["action"]) for entry in entries]

    assert listed("project_id=8") == [(other["id"], "delete"), (other["id"], "create")]
    assert listed("action=disable") == [(one["id"], "disable")] * 2
    assert listed("actor=nobody") == []
    assert len(listed("actor=local&kind=schedule")) == 6
    assert listed(f"schedule_id={one['id']}&page=2&page_size=3") == [(one["id"], "create")]
    assert listed("from=2030-01-01T00:00:00Z") == []
    page: dict[str, Any] = counter.told("GET", "/audit?page_size=4&page=2")
    assert (page["total"], page["pages"], len(page["entries"])) == (6, 2, 2)
    deleted = counter.told("GET", f"/schedules/{other['id']}/audit")
    assert deleted["total"] == 2


def test_what_is_not_there_or_wrong_is_refused(counter: Counter) -> None:
    assert counter.ask("GET", "/schedules/none/audit").status_code == 404
    assert counter.ask("GET", "/audit?action=burn").status_code == 422
    assert counter.ask("GET", "/audit?kind=a'b").status_code == 422
    assert counter.ask("GET", "/audit?from=yesterday").status_code == 422
    assert counter.told("GET", "/audit?actor=o'neil' or 'a' eq 'a")["total"] == 0


def test_a_cursor_walks_all_while_more_is_recorded(counter: Counter) -> None:
    made = [counter.made(name=f"n{number}")["id"] for number in range(5)]
    page = counter.told("GET", "/audit?page_size=2")
    seen = [entry["subject"]["id"] for entry in page["entries"]]
    while page["next_cursor"] is not None:
        counter.made(name="later")
        page = counter.told("GET", f"/audit?page_size=2&cursor={page['next_cursor']}")
        seen += [entry["subject"]["id"] for entry in page["entries"]]
    assert seen == list(reversed(made))
    cursor = counter.told("GET", "/audit?page_size=2")["next_cursor"]
    for wrong in (f"cursor={cursor}&actor=x", f"cursor={cursor}&page=2", "cursor=abc"):
        assert counter.ask("GET", f"/audit?{wrong}").status_code == 422
    other = counter.ask("GET", f"/schedules/{made[0]}/audit?cursor={cursor}")
    assert other.status_code == 422
