"""Which requests are sent again; what is shown of the answers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from belfry import screen
from belfry.client import Client, at
from belfry.following import Growing
from belfry.problems import Exit, Failure
from belfry.profile import Where

Answers = Callable[[httpx.Request], httpx.Response]


class Server:
    """Answers with one of `answers` after the other; an exception is raised."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.asked: list[httpx.Request] = []
        self.slept: list[float] = []
        self._answers = list(answers)
        transport = httpx.MockTransport(self._answer)
        where = Where(url="https://b.example", key="bfy_a", function_key="door")
        self.client = Client(where, sleep=self.slept.append, transport=transport)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def ok(body: Any = None) -> httpx.Response:
    return httpx.Response(200, json=body or {})


def busy(status: int = 503, after: str = "7") -> httpx.Response:
    return httpx.Response(status, json={}, headers={"retry-after": after})


def test_what_reads_is_asked_again() -> None:
    server = Server(httpx.ConnectError("no"), busy(), busy(429, "3"), ok({"a": 1}))
    assert server.client.get("/a") == {"a": 1}
    assert server.slept == [1.0, 7.0, 3.0]
    assert server.asked[0].headers["authorization"] == "Bearer bfy_a"
    assert server.asked[0].headers["x-functions-key"] == "door"


def test_what_makes_something_is_sent_again_with_the_same_key() -> None:
    server = Server(httpx.ReadTimeout("slow"), busy(409, ""), ok())
    server.client.make("/a", {})
    assert len({one.headers["idempotency-key"] for one in server.asked}) == 1
    assert len(server.asked) == 3


def test_what_may_not_be_done_twice_is_sent_once() -> None:
    server = Server(httpx.ReadTimeout("slow"))
    with pytest.raises(Failure, match="not known whether") as told:
        server.client.ask("PATCH", "/a", body={})
    assert told.value.code is Exit.UNREACHABLE and server.slept == []


def test_a_conflict_is_told_at_once_and_a_long_wait_is_not_waited() -> None:
    with pytest.raises(Failure) as told:
        Server(busy(409, "")).client.make("/a", {})
    assert told.value.code is Exit.CONFLICT
    with pytest.raises(Failure):
        Server(busy(429, "3600")).client.get("/a")


def test_it_gives_up_at_last() -> None:
    server = Server(*[httpx.ConnectError("no")] * 4)
    with pytest.raises(Failure, match="cannot be reached"):
        server.client.get("/a")
    assert server.slept == [1.0, 2.0, 4.0]


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, Exit.NOT_ALLOWED),
        (403, Exit.NOT_ALLOWED),
        (404, Exit.NOT_FOUND),
        (412, Exit.CONFLICT),
        (422, Exit.WRONG),
        (500, Exit.FAILED),
    ],
)
def test_a_problem_is_told_in_plain_words(status: int, code: Exit) -> None:
    errors = [{"field": "name", "message": "too long"}]
    body = {"title": "Wrong", "status": status, "detail": "d", "errors": errors}
    with pytest.raises(Failure, match="name: too long") as told:
        Server(httpx.Response(status, json=body)).client.get("/a")
    assert told.value.code is code


def test_a_page_of_somebody_else_is_no_answer() -> None:
    for answer in (httpx.Response(200, text="<html>"), httpx.Response(404, text="<html>")):
        with pytest.raises(Failure, match=r"is it Belfry|is the URL right"):
            Server(answer).client.get("/a")


def test_lists_without_a_cursor_are_walked_by_page() -> None:
    pages = [ok({"keys": [number], "page": number, "pages": 3}) for number in (1, 2, 3)]
    walked: list[object] = [*Server(*pages).client.walk("/a", "keys")]
    assert walked == [1, 2, 3]
    pages = [ok({"keys": [1, 2], "next_cursor": "x"}), ok({"keys": [3, 4], "next_cursor": "y"})]
    server = Server(*pages)
    walked = [*server.client.walk("/a", "keys", 3)]
    assert walked == [1, 2, 3]
    assert dict(server.asked[1].url.params)["cursor"] == "x"


def test_an_id_cannot_leave_its_place() -> None:
    assert at("jobs", "../keys?a=b") == "/api/v1/jobs/..%2Fkeys%3Fa%3Db"


def test_texts_of_others_cannot_steer_a_terminal() -> None:
    assert screen.cell("a\x1b[31mb\r\n\u202ec") == "a?[31mb???c"


def test_a_log_that_grows_is_shown_once() -> None:
    log = Growing()
    assert [log.new("a\n"), log.new("a\nb\n"), log.new("a\nb\n")] == ["a\n", "b\n", ""]
    assert log.new("(cut)\nb\nc\n") == "c\n"


def test_it_needs_nothing_of_the_app() -> None:
    code = "import sys, belfry.main; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"shared", "functions", "local", "azure", "fastapi", "jsonschema_rs"}
