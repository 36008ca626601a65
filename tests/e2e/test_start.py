"""`make start` as a person meets it: it starts, stops without a trace, and says why it cannot."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from local import values
from tests.e2e.conftest import REPO, Belfry
from tests.waiting import until


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        text: str = answer.read().decode()
        return text


def _quiet(said: str) -> None:
    assert "Traceback" not in said


def test_it_says_what_runs_and_what_to_try(belfry: Belfry) -> None:
    said = belfry.log()
    for wanted in ("/api/docs", "/status", "/ops/uptime", "Next runs:", "postgres_backup", "curl"):
        assert wanted in said
    assert said.count("  curl ") == 3
    assert "postgres_backup" in _get(f"{belfry.url}/status")
    _quiet(said)


def test_the_command_line_that_it_says_works_as_it_stands(belfry: Belfry) -> None:
    (command,) = [line for line in belfry.log().splitlines() if " -m functions postgres" in line]
    shell = ["bash", "-c", command]
    environ = {"PATH": os.environ["PATH"]}
    said = subprocess.run(shell, cwd=REPO, env=environ, capture_output=True, check=False)
    assert said.returncode == 0, said.stderr
    job = json.loads(said.stdout)["job_id"]
    shown = json.loads(_get(f"{belfry.url}/api/v1/jobs/{job}"))
    assert shown["status"] == "succeeded", "it is a job of the very app that runs"


def test_nobody_else_reads_the_passwords(belfry: Belfry) -> None:
    file = belfry.state / "local.settings.json"
    assert "postgresql://" in file.read_text() and file.stat().st_mode & 0o777 == 0o600


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    file = tmp_path / "local.settings.json"
    for _ in range(2):
        values.keep(file, {})
        assert file.stat().st_mode & 0o777 == 0o600
        file.chmod(0o644)


def test_ctrl_c_leaves_nothing_behind(first: Belfry) -> None:
    assert first.started and first.nothing_is_left()
    assert "Everything is stopped." in first.log()
    _quiet(first.log())


def test_ctrl_c_while_it_starts_is_no_failure(fresh: Belfry) -> None:
    fresh.launch()
    until(lambda: "Azurite ..." in fresh.log())
    fresh.stop(signal.SIGINT)
    assert fresh.processes() == []
    said = fresh.log()
    assert "failed" not in said
    _quiet(said)


def test_a_host_that_is_killed_ends_the_rest_which_says_so(launch: Belfry) -> None:
    launch.start()
    assert launch.kill_host() != 0
    assert launch.nothing_is_left()
    assert "Belfry stopped: its host ended by SIGKILL; start it again" in launch.log()


def test_a_second_one_on_the_same_state_is_refused(belfry: Belfry) -> None:
    other = Belfry(belfry.state)
    other.settings["READY_FILE"] = ""
    log = belfry.log()
    said = other.fails().removeprefix(log)
    assert f"Belfry runs on {belfry.state} already (process {belfry.facts['pid']})" in said
    _quiet(said)
    assert _get(f"{belfry.url}/admin/host/status")


@pytest.mark.parametrize("name", ["PORT", "AZURITE_PORT", "POSTGRES_PORT"])
def test_a_port_in_use_is_named_with_what_to_do(fresh: Belfry, name: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        fresh.settings[name] = str(port)
        said = fresh.fails()
    assert f"Belfry did not start: port {port}: it is in use by another program" in said
    assert f"make start {name}=" in said
    _quiet(said)
    assert fresh.processes() == []


def test_a_port_that_is_no_number_is_named(fresh: Belfry) -> None:
    fresh.settings["PORT"] = "http"
    assert "PORT is 'http'; use a number from 0" in fresh.fails()


def test_settings_that_are_wrong_are_told_one_a_line_before_anything_starts(fresh: Belfry) -> None:
    fresh.settings |= {"JOBS_PER_INSTANCE": "x", "ALERT_ROUTES": "spend_exeeded: all"}
    said = fresh.fails()
    assert "\n  JOBS_PER_INSTANCE is 'x'; use a whole number from 1 to 1000\n" in said
    assert "\n  ALERT_ROUTES has the kind 'spend_exeeded'; did you mean spend_exceeded?\n" in said
    assert "Azurite ..." not in said
    _quiet(said)


def test_a_database_that_is_no_url_is_told_before_anything_starts(fresh: Belfry) -> None:
    fresh.settings["DATABASE_URL"] = "company.db"
    said = fresh.fails()
    assert "DATABASE_URL is no URL of a database; use sqlite:///path" in said
    assert "Azurite ..." not in said


def test_a_state_that_is_a_file_is_named(fresh: Belfry) -> None:
    fresh.state.write_text("")
    said = fresh.fails()
    assert f"Belfry did not start: the state cannot be kept in {fresh.state}: " in said
    assert "damaged" not in said and "mv " not in said
    _quiet(said)


def test_a_demo_company_of_random_bytes_is_moved_away_as_it_is_told(launch: Belfry) -> None:
    database = launch.state / "company.db"
    database.write_bytes(os.urandom(10_000))
    said = launch.fails()
    assert f"{database} is no whole SQLite database" in said
    _quiet(said)
    assert launch.processes() == []
    (command,) = [line for line in said.splitlines() if " && mv " in line]
    subprocess.run(["bash", "-c", command], check=True)
    launch.start()
    assert database.read_bytes().startswith(b"SQLite format 3")
    assert (launch.state / "damaged" / "company.db").stat().st_size == 10_000


@pytest.mark.parametrize(
    ("file", "told"),
    [("azurite/__azurite_db_table__.json", "is not whole"), ("postgres", "postgres")],
)
def test_a_damaged_state_is_named_and_nothing_stays_running(
    launch: Belfry, file: str, told: str
) -> None:
    target = launch.state / file
    for one in [target] if target.is_file() else target.rglob("pg_control"):
        os.truncate(one, 10)
    said = launch.fails()
    assert f"the state in {launch.state} is damaged" in said
    assert told in said.lower()
    _quiet(said)
    assert launch.processes() == []


FUNC = """#!{python}
import http.server, json, os, sys
assert sys.argv[1:3] == ["start", "--port"], sys.argv
assert "devstoreaccount1" in os.environ["AzureWebJobsStorage"]

class Status(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        jobs = [{{"name": "from func", "schedule": "0 0 2 * * *", "next_run_at": None}}]
        self.wfile.write(json.dumps({{"jobs": jobs}}).encode())

print("this is func", flush=True)
try:
    http.server.HTTPServer(("127.0.0.1", int(sys.argv[3])), Status).serve_forever()
except KeyboardInterrupt:
    pass
"""


def test_core_tools_are_used_where_they_are_installed(launch: Belfry, tmp_path: Path) -> None:
    func = tmp_path / "bin" / "func"
    func.parent.mkdir()
    func.write_text(FUNC.format(python=sys.executable))
    func.chmod(0o755)
    launch.settings |= {"FUNC": "", "PATH": f"{func.parent}{os.pathsep}{os.environ['PATH']}"}
    launch.start()
    assert "this is func" in launch.log()
    assert ["from", "func", "never"] in [line.split() for line in launch.log().splitlines()]
    launch.stop()
    assert "Everything is stopped." in launch.log()
    assert launch.processes() == []
    _quiet(launch.log())


def test_core_tools_that_are_wanted_but_missing_are_named(fresh: Belfry) -> None:
    fresh.settings["FUNC"] = "1"
    assert "FUNC=1, but there is no `func` on PATH" in fresh.fails()


def test_local_settings_are_a_persons_to_change(launch: Belfry) -> None:
    file = launch.state / "local.settings.json"
    text = file.read_text()
    file.write_text(text.replace('"Values": {', '"Values": {\n    "MINE": "1",'))
    launch.start()
    kept = file.read_text()
    assert '"MINE": "1"' in kept
    assert launch.facts["storage"] in kept
    launch.stop()
    file.write_text("{")
    said = until(lambda: launch.fails())
    assert f"{file} cannot be read" in said
