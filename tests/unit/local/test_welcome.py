"""What `make start` says of who may ask."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler

import pytest

from local import welcome
from tests.serving import serving


@pytest.mark.parametrize(("status", "is_open"), [(200, True), (401, False)])
def test_it_says_whether_whoever_comes_is_an_admin(status: int, is_open: bool) -> None:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    with serving(Answer) as url:
        found = welcome.is_open(url)
        assert found is is_open
        said = welcome.text(url, {}, None, is_open=found)
    assert ("is an admin" in said) is is_open
    assert ("keys create name=NAME role=admin" in said) is is_open
    assert ("BELFRY_KEY" in said) is not is_open


@pytest.mark.parametrize(
    ("url", "command"),
    [
        ("http://localhost:7071", "  bin/belfry list"),
        ("http://localhost:7072", "  BELFRY_URL=http://localhost:7072 bin/belfry list"),
    ],
)
def test_the_command_line_is_told_where_belfry_is(url: str, command: str) -> None:
    assert command in welcome.text(url, {}, None, is_open=True).splitlines()


def test_tasks_without_a_time_of_their_own_are_not_among_the_next_runs() -> None:
    nightly = {"name": "nightly", "schedule": "0 0 * * *", "next_run_at": "2026-12-01T00:00:00Z"}
    off = {"name": "off", "schedule": "0 0 * * *", "next_run_at": None}
    asked = {"name": "asked", "schedule": None, "next_run_at": None}
    said = welcome.text("http://localhost", {}, {"jobs": [nightly, off, asked]})
    assert (
        "  nightly                   2026-12-01T00:00:00Z\n  off                       never"
        in said
    )
    assert "asked" not in said


def test_the_key_is_made_with_the_settings_of_this_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BELFRY_LOCAL_SETTINGS", "/elsewhere/local.settings.json")
    said = welcome.text("http://localhost", {}, None, is_open=True)
    wanted = "BELFRY_LOCAL_SETTINGS=/elsewhere/local.settings.json .venv/bin/python"
    assert f"  {wanted} -m functions keys create" in said
