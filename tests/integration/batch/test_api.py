"""Batches by the API: files in parts, how a batch stands, its items page by page, links."""

from __future__ import annotations

import json
import urllib.request
from base64 import b64encode
from typing import Any

import pytest

from shared.access import Role
from shared.clock import SystemClock
from tests.integration.access.asking import Asking
from tests.integration.batch.conftest import Desk, call

_CSV = b"\xef\xbb\xbfid;number\nada;1\ngrace;2\nbroken\nbad;three\n"


def part(data: bytes) -> dict[str, str]:
    return {"content": b64encode(data).decode()}


@pytest.fixture
def asking(desk: Desk) -> Asking:
    made = Asking(desk.engine.app)
    made.key()
    return made


def ask(asking: Asking, key: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    answer = asking.ask(method, f"/api/v1{path}", key=key, json=body)
    return answer.status_code, answer.json() if answer.content else None


def test_from_a_file_to_its_outcomes(desk: Desk, asking: Asking) -> None:
    mine = asking.key(Role.OPERATOR, 7)
    status, file = ask(asking, mine, "POST", "/batches/files", {"name": "people.csv"})
    assert status == 201 and file["size"] is None and file["project_id"] == 7
    at = f"/batches/files/{file['id']}"
    body: dict[str, Any] = {
        "name": "each",
        "task_type": "batch",
        "frequency": "daily",
        "task_parameters": {
            "task_type": "again",
            "file": file["id"],
            "task_parameters": {
                "name": {"item": "id"},
                "number": {"item": "number", "as": "integer"},
            },
        },
    }
    for number, data in ((2, _CSV[20:]), (1, b"nonsense"), (1, _CSV[:20])):
        assert ask(asking, mine, "PUT", f"{at}/parts/{number}", part(data))[0] == 204
    status, problem = ask(asking, mine, "POST", f"{at}/complete", {"parts": 3})
    assert status == 409 and "part 3 was not sent" in problem["detail"]
    status, made = ask(asking, mine, "POST", f"{at}/complete", {"parts": 2})
    assert status == 200 and made["size"] == len(_CSV)
    assert ask(asking, mine, "POST", f"{at}/complete", {"parts": 2}) == (200, made)
    assert ask(asking, mine, "PUT", f"{at}/parts/1", part(b"late"))[0] == 409

    status, schedule = ask(asking, mine, "POST", "/schedules", body)
    assert status == 201, schedule
    run = f"/schedules/{schedule['id']}/execute"
    _, asked = ask(asking, mine, "POST", run, {"force": True})
    assert ask(asking, mine, "GET", f"/batches/{asked['job_id']}")[0] == 404
    desk.engine.work()
    _, batch = ask(asking, mine, "GET", f"/batches/{asked['job_id']}")
    assert batch["state"] == "completed" and batch["job_status"] == "succeeded"
    assert batch["counts"] == {"succeeded": 2, "failed": 2, "skipped": 0, "unknown": 0}
    assert [one["index"] for one in batch["errors"]] == [2, 3]
    assert "row 3 has 1 values" in batch["errors"][0]["error"]
    assert "is no integer" in batch["errors"][1]["error"]
    assert ask(asking, mine, "GET", "/batches")[1]["batches"][0]["job_id"] == asked["job_id"]

    items = f"/batches/{asked['job_id']}/items"
    _, first = ask(asking, mine, "GET", f"{items}?page_size=3")
    _, rest = ask(asking, mine, "GET", f"{items}?page_size=3&cursor={first['next_cursor']}")
    assert [one["index"] for one in first["items"] + rest["items"]] == [0, 1, 2, 3]
    assert rest["next_cursor"] is None
    assert first["items"][1]["result"] == {"name": "grace", "number": 2}
    _, failed = ask(asking, mine, "GET", f"{items}?status=failed")
    assert [one["index"] for one in failed["items"]] == [2, 3]
    wrong = f"{items}?status=failed&cursor={first['next_cursor']}"
    assert ask(asking, mine, "GET", wrong)[0] == 422

    desk.engine.clock.set(SystemClock().now())  # by which Azurite looks at a link
    _, links = ask(asking, mine, "POST", f"/batches/{asked['job_id']}/link")
    (link,) = links["files"]
    with urllib.request.urlopen(link["url"]) as answer:
        lines = [json.loads(line) for line in answer.read().splitlines()]
    assert [one["status"] for one in lines] == ["succeeded", "succeeded", "failed", "failed"]
    assert links["complete"] and link["first"] == 0


def test_files_of_others_do_not_exist(desk: Desk, asking: Asking) -> None:
    mine, theirs = asking.key(Role.OPERATOR, 7), asking.key(Role.OPERATOR, 8)
    _, file = ask(asking, mine, "POST", "/batches/files", {"name": "people.csv"})
    at = f"/batches/files/{file['id']}"
    ask(asking, mine, "PUT", f"{at}/parts/1", part(_CSV))
    ask(asking, mine, "POST", f"{at}/complete", {"parts": 1})
    assert ask(asking, theirs, "GET", "/batches/files") == (200, {"files": []})
    body: Any
    for method, path, body in (
        ("PUT", f"{at}/parts/1", part(b"id\nevil\n")),
        ("POST", f"{at}/complete", {"parts": 1}),
        ("DELETE", at, None),
    ):
        assert ask(asking, theirs, method, path, body)[0] == 404
    parameters = {"operation": "disable", "file": file["id"]}
    body = {"name": "x", "task_type": "batch", "frequency": "daily", "task_parameters": parameters}
    status, problem = ask(asking, theirs, "POST", "/schedules", body)
    assert status == 422 and "there is no file" in str(problem)
    job = desk.job(project_id=8)  # of a schedule that was stored as no check would let it be
    with pytest.raises(Exception, match="there is no file"):
        desk.run(job, **parameters)
    assert ask(asking, mine, "DELETE", at)[0] == 204
    assert ask(asking, mine, "DELETE", at)[0] == 404
    assert not desk.batches().store.container.names("7/files/")


@pytest.mark.parametrize(
    ("number", "body", "field"),
    [
        (0, part(b"x"), "number"),
        (401, part(b"x"), "number"),
        (1, {"content": "not base64!"}, "content"),
        (1, {"content": ""}, "content"),
        (1, {"content": "A" * 933_340}, "content"),
    ],
)
def test_parts_are_bounded(
    desk: Desk, asking: Asking, number: int, body: dict[str, str], field: str
) -> None:
    file = desk.batches().files.begin(None, "x", "me")
    key = asking.key(Role.OPERATOR)
    path = f"/batches/files/{file.id}/parts/{number}"
    status, problem = ask(asking, key, "PUT", path, body)
    assert status == 422 and field in str(problem["errors"])


def test_the_same_order_by_another_door_is_refused_too(desk: Desk, asking: Asking) -> None:
    """What a caller may not make a schedule of, it may not make a batch of."""
    one, everything = asking.key(Role.OPERATOR, 7), asking.key(Role.OPERATOR)
    for name, key, direct in (
        ("of_company", one, 403),
        ("of_admins", one, 403),
        ("of_admins", everything, 403),
    ):
        plain = {"name": "x", "task_type": name, "frequency": "daily", "project_id": 7}
        body = plain | {"task_parameters": {"name": "a"}}
        assert ask(asking, key, "POST", "/schedules", body)[0] == direct
        by_batch = plain | {"task_type": "batch", "task_parameters": call(name, ["a"])}
        assert ask(asking, key, "POST", "/schedules", by_batch)[0] == 422
    viewer = asking.key(Role.VIEWER, 7)
    body = {"name": "x", "task_type": "batch", "frequency": "daily", "project_id": 7}
    assert ask(asking, viewer, "POST", "/schedules", body)[0] == 403


def test_a_list_of_all_goes_on_by_cursor(desk: Desk, asking: Asking) -> None:
    for number in range(5):
        job = desk.job(job_id=f"s1-20260301T12000{number}Z", project_id=7 + number % 2)
        desk.run(job, **call("again", ["a"]))
    for key, wanted in ((asking.key(), [4, 3, 2, 1, 0]), (asking.key(Role.VIEWER, 7), [4, 2, 0])):
        seen, cursor = list[str](), ""
        for _ in range(5):
            _, found = ask(asking, key, "GET", f"/batches?page_size=2{cursor}")
            seen += [one["job_id"] for one in found["batches"]]
            if found["next_cursor"] is None:
                break
            cursor = f"&cursor={found['next_cursor']}"
        assert seen == [f"s1-20260301T12000{number}Z" for number in wanted]
