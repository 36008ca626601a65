"""The smoke test says what does not live, keeps its keys, and leaves no schedule behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from checks import smoke
from checks.smoke import Failed, Smoke
from tests.serving import serving

KEYS = {"BELFRY_FUNCTION_KEY": "the-host's", "BELFRY_KEY": "bfy_ours"}
STATUS = {"database": "fits", "jobs": [{"id": "health_monitor"}]}
SCHEDULE = {"success_count": 1, "failure_count": 0, "next_run_at": None, "last_error": None}


@dataclass
class Site:
    """An app that answers what it is told to."""

    uptime: dict[str, Any] = field(default_factory=lambda: {"status": "up", "clocks": {"t": ""}})
    status: dict[str, Any] = field(default_factory=lambda: dict(STATUS))
    schedule: dict[str, Any] = field(default_factory=lambda: dict(SCHEDULE))
    page: str = '<script src="/api/docs/a.js"></script>'
    door: int = 401
    """How it answers without a key."""
    moved: bool = False
    url: str = ""
    asked: list[tuple[str, str, str | None, str | None]] = field(default_factory=list)
    """Method, path, function key, key."""

    def answer(self, method: str, path: str, has_key: bool) -> tuple[int, object]:
        if self.moved:
            return 302, ""
        if path == "/ops/uptime":
            return 200, self.uptime
        if path == "/status":
            return 200, self.status
        if path.startswith("/api/docs"):
            return (404 if path.endswith("gone.js") else 200), self.page
        if not has_key:
            return self.door, {}
        return {"POST": 201, "GET": 200, "DELETE": 204}[method], {"id": "abc"} | self.schedule

    @property
    def deleted(self) -> bool:
        return ("DELETE", "/api/v1/schedules/abc", *KEYS.values()) in [
            (method, path, door, (key or "").removeprefix("Bearer "))
            for method, path, door, key in self.asked
        ]


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()

    class Handler(BaseHTTPRequestHandler):
        def handle_one(self) -> None:
            door, key = self.headers["x-functions-key"], self.headers["authorization"]
            self.rfile.read(int(self.headers["content-length"] or 0))
            made.asked.append((self.command, self.path, door, key))
            status, body = made.answer(self.command, self.path, bool(door))
            self.send_response(status)
            self.send_header("location", "http://elsewhere.invalid/")
            content = (body if isinstance(body, str) else json.dumps(body)).encode()
            self.send_header("content-length", str(len(content) if status != 204 else 0))
            self.end_headers()
            self.wfile.write(content if status != 204 else b"")

        do_GET = do_POST = do_DELETE = handle_one

        def log_message(self, *_: object) -> None:
            pass

    with serving(Handler) as url:
        made.url = url
        yield made


class Time:
    """Passes only when it is slept."""

    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def run(site: Site, patience: float = 10) -> list[str]:
    time = Time()
    return list(
        Smoke(
            url=site.url,
            function_key=KEYS["BELFRY_FUNCTION_KEY"],
            key=KEYS["BELFRY_KEY"],
            patience=patience,
            sleep=time.sleep,
            measured=lambda: time.now,
        ).run()
    )


def test_an_app_that_lives_passes(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert smoke.main([site.url], KEYS) == 0
    said = capsys.readouterr().out
    assert said.count("passed: ") == 5 and site.deleted
    assert not any(key in said for key in KEYS.values())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"uptime": {"status": "late", "clocks": {}}},
            r"no clock ticks: .* late; .* \(after 10 s\)",
        ),
        ({"status": STATUS | {"jobs": []}}, "without its functions"),
        ({"status": STATUS | {"database": "unfit"}}, "database is unfit"),
        ({"page": "<p>Swagger</p>"}, "loads nothing"),
        ({"page": '<script src="/api/docs/gone.js"></script>'}, r"gone\.js answers 404"),
        ({"door": 200}, "answers 200 without any key"),
        ({"moved": True}, "/ops/uptime answers 302"),
    ],
)
def test_what_does_not_live_is_said(site: Site, change: dict[str, Any], said: str) -> None:
    for name, value in change.items():
        setattr(site, name, value)
    with pytest.raises(Failed, match=said):
        run(site)


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        (SCHEDULE | {"success_count": 0, "failure_count": 1, "last_error": "no disk"}, "no disk"),
        (SCHEDULE | {"success_count": 0}, "has not run"),
    ],
)
def test_a_schedule_that_does_not_succeed_is_removed_all_the_same(
    site: Site, schedule: dict[str, Any], said: str
) -> None:
    site.schedule = schedule
    with pytest.raises(Failed, match=said):
        run(site)
    assert site.deleted


def test_an_app_that_is_not_there_is_waited_for_and_then_said() -> None:
    time = Time()
    gone = Smoke(url="http://127.0.0.1:9", patience=10, sleep=time.sleep, measured=lambda: time.now)
    with pytest.raises(Failed, match=r"ConnectionRefused|refused"):
        list(gone.run())
    assert time.now >= 10


def test_keys_go_by_https_alone(capsys: pytest.CaptureFixture[str]) -> None:
    for url in ("http://belfry.example.com", "belfry.example.com", "file:///etc/passwd"):
        with pytest.raises(SystemExit):
            smoke.main([url], KEYS)
    assert "clear text" in capsys.readouterr().err
