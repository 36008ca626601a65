"""What the API says of requests that it cannot take: methods, bodies, parameters, booleans."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

import functions
from shared.api.bodies import MOST
from shared.api.examples import PARAMETERS
from shared.errors import Invalid
from tests.unit.api.asking import asked, operations, stateless

PATHS = {path: set(methods) for path, methods in stateless().openapi()["paths"].items()}
ALL = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
SCHEDULES = "/api/v1/schedules"
AS_JSON = {"content-type": "application/json"}


def url(path: str) -> str:
    """The path with an example of each parameter."""
    return re.sub(r"\{(\w+)\}", lambda found: str(PARAMETERS[found[1]]), path)


def allowed(path: str) -> list[str]:
    """The methods that the description says."""
    named = {method.upper() for method in PATHS[path]} | {"OPTIONS"}
    return [one for one in ALL if one in named or (one == "HEAD" and "GET" in named)]


@pytest.mark.parametrize("path", PATHS)
def test_options_tells_what_the_description_does(path: str) -> None:
    answer = asked("OPTIONS", url(path))
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["allow"].split(", ") == allowed(path)


@pytest.mark.parametrize("path", PATHS)
def test_other_methods_are_refused_with_those_there_are(path: str) -> None:
    for method in set(ALL) - set(allowed(path)):
        answer = asked(method, url(path))
        assert answer.status_code == 405, (method, path, answer.text)
        assert answer.headers["allow"].split(", ") == allowed(path)
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/api/openapi.json", "/api/docs", "/api/v1/backups/wrong"])
def test_head_is_get_without_the_body(path: str) -> None:
    get, head = asked("GET", path), asked("HEAD", path)
    assert head.content == b"" and len(get.content) > 0
    assert (head.status_code, head.headers) == (get.status_code, get.headers)


def test_options_of_what_is_not_there_is_not_found() -> None:
    assert asked("OPTIONS", "/api/v1/nothing").status_code == 404


@pytest.mark.parametrize(
    "sent_as", [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonx"]
)
@pytest.mark.parametrize("path", [SCHEDULES, f"{SCHEDULES}/database_backup/execute"])
def test_a_body_that_is_not_sent_as_json_is_another_type(sent_as: str | None, path: str) -> None:
    headers = {} if sent_as is None else {"content-type": sent_as}
    answer = asked("POST", path, content=b'{"force": true}', headers=headers)
    assert (answer.status_code, answer.headers["accept"]) == (415, "application/json")
    said = "send it as JSON, with the header Content-Type: application/json"
    assert answer.json()["errors"] == [{"field": "body", "message": said}]


@pytest.mark.parametrize(
    "sent_as", ["APPLICATION/JSON", "application/json; charset=utf-8", "application/x+json"]
)
def test_json_may_be_named_in_other_ways(sent_as: str) -> None:
    answer = asked("POST", SCHEDULES, content=b"[]", headers={"content-type": sent_as})
    assert (answer.status_code, answer.json()["detail"]) == (422, "body: send a JSON object")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"\xff", "not UTF-8: byte 1 is 0xff"),
        (b'{"name": "caf\xe9"}', "not UTF-8: byte 14 is 0xe9"),
        (b"[" * 100_000, "too many lists and objects stand in each other"),
        (b'{"a":' * 100_000, "too many lists and objects stand in each other"),
        (b'{"project_id": ' + b"1" * 5_000 + b"}", "it holds an integer of more than 4,300 digits"),
    ],
    ids=["no UTF-8", "Latin-1", "lists", "objects", "digits"],
)
def test_a_body_that_cannot_be_read_is_told_why(body: bytes, said: str) -> None:
    answer = asked("POST", SCHEDULES, content=body, headers=AS_JSON)
    assert (answer.status_code, answer.json()["title"]) == (400, "The body cannot be read")
    assert answer.json()["errors"] == [{"field": "body", "message": said}]


@pytest.mark.parametrize("body", [b"null", b" null\n"])
@pytest.mark.parametrize("path", [SCHEDULES, f"{SCHEDULES}/database_backup/execute"])
def test_null_is_no_body(path: str, body: bytes) -> None:
    answer = asked("POST", path, content=body, headers=AS_JSON)
    assert (answer.status_code, answer.json()["detail"]) == (422, "body: send a JSON object")
    assert asked("POST", path, content=body).status_code == 415


def chunks() -> Iterator[bytes]:
    for _ in range(20):
        yield b" " * (MOST // 10)


@pytest.mark.parametrize("whole", [True, False])
def test_a_body_that_is_too_large_is_refused(whole: bool) -> None:
    async def parts() -> Any:
        for chunk in chunks():
            yield chunk

    content = b"".join(chunks()) if whole else parts()
    said = {} if whole else {"content-length": "10"}
    for headers in (AS_JSON | said, {"content-type": "text/plain"} | said):
        answer = asked("POST", SCHEDULES, content=content, headers=headers)
        assert answer.status_code == 413
        assert answer.json()["detail"] == "body: it has more than 1,000,000 bytes"
        content = b"".join(chunks()) if whole else parts()


@pytest.mark.parametrize("read", [True, False])
def test_a_body_that_comes_in_chunks_is_refused_wherever_one_is_taken(read: bool) -> None:
    """Azure's host hands on the headers, and no body: each route would do as it does by default."""

    async def parts() -> Any:
        yield b'{"force": true}' if read else b""

    headers = AS_JSON | {"transfer-encoding": "chunked"}
    for path, method, what in operations():
        if "requestBody" not in what:
            continue
        answer = asked(method, url(path), content=parts(), headers=headers)
        assert (answer.status_code, answer.json()["title"]) == (411, "The body has no length"), path
        (wrong,) = answer.json()["errors"]
        assert wrong["field"] == "body" and "Content-Length" in wrong["message"]
    assert asked("GET", "/api/openapi.json", headers=headers).status_code == 200


def test_a_body_that_says_to_be_too_large_is_not_waited_for() -> None:
    headers = AS_JSON | {"content-length": "120000000"}
    assert asked("POST", SCHEDULES, content=b"{}", headers=headers).status_code == 413
    fits = b"[" + b" " * (MOST - 2) + b"]"
    assert asked("POST", SCHEDULES, content=fits, headers=AS_JSON).status_code == 422


def test_a_parameter_that_is_given_twice_is_refused_everywhere() -> None:
    found = 0
    for path, method, what in operations():
        for one in what.get("parameters", ()):
            if one["in"] == "query":
                name, value = one["name"], one.get("example", "1")
                name += ".team" if one["schema"].get("type") == "object" else ""
                answer = asked(method, url(path), params=[(name, value), (name, value)])
                assert answer.status_code == 422, (path, name)
                told = {item["field"]: item["message"] for item in answer.json()["errors"]}
                assert "given twice" in told[name]
                found += 1
    assert found > 30


@pytest.mark.parametrize("value", ["1_0", " 1", "1.0", "+1", "\u0661", "0x1", "", "one"])
def test_a_number_of_a_query_is_written_in_digits(value: str) -> None:
    found = 0
    for path, method, what in operations():
        for one in what.get("parameters", ()):
            if one["in"] == "query" and one["schema"].get("type") == "integer":
                answer = asked(method, url(path), params={one["name"]: value})
                assert answer.status_code == 422, (path, one["name"])
                told = {"field": one["name"], "message": "give a whole number, such as 10"}
                assert told in answer.json()["errors"]
                found += 1
    assert found > 10


@pytest.mark.parametrize("path", [*PATHS, "/api/docs", "/api/openapi.json"])
def test_a_slash_at_the_end_is_another_path(path: str) -> None:
    answer = asked("GET", f"{url(path)}/")
    assert (answer.status_code, answer.json()["title"]) == (404, "Not Found")
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("value", ["yes", "on", "1", "", "t"])
def test_a_boolean_of_a_query_is_true_or_false(value: str) -> None:
    for path, name in ((SCHEDULES, "enabled"), (SCHEDULES, "once"), ("/api/v1/backups", "force")):
        method, path = ("DELETE", f"{path}/1f0c3a9d") if name == "force" else ("GET", path)
        answer = asked(method, path, params={name: value})
        assert answer.status_code == 422
        assert answer.json()["errors"] == [{"field": name, "message": "give true or false"}]


@pytest.mark.parametrize("value", ["yes", "true", 1, 0, 1.0])
@pytest.mark.parametrize(
    ("path", "name"),
    [
        (SCHEDULES, "enabled"),
        (f"{SCHEDULES}/a/execute", "force"),
        ("/api/v1/backups/plans", "enabled"),
        ("/api/v1/backups/plans", "encrypt"),
        ("/api/v1/backups/plans", "drive"),
    ],
)
def test_a_boolean_of_a_body_is_true_or_false(path: str, name: str, value: object) -> None:
    answer = asked("POST", path, json={name: value})
    assert answer.status_code == 422
    told = {item["field"]: item["message"] for item in answer.json()["errors"]}
    assert told[name] == "give true or false"


def test_a_boolean_of_a_task_is_true_or_false() -> None:
    found = 0
    for task in functions.tasks():
        fields = task.params.model_fields
        needed = {name: "database" for name, field in fields.items() if field.is_required()}
        for name, field in fields.items():
            if "bool" in str(field.annotation):
                for value in ("yes", 1):
                    with pytest.raises(Invalid, match=f"{name}: give true or false"):
                        task.parse(needed | {name: value})
                found += 1
    assert found > 5
