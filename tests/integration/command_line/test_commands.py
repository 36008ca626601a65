"""What the commands show, and which exit codes they end with."""

from __future__ import annotations

import json
import stat
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from belfry.client import Client
from belfry.commands.given import Known
from belfry.main import app
from belfry.problems import Exit, Failure
from belfry.profile import Where
from shared.access import Role
from tests.integration.command_line.conftest import Shell

NEW = ("create", "--name", "nightly", "--task", "works")


def made(shell: Shell, *words: str) -> str:
    name: str = shell.told(*NEW, *(words or ("--cron", "30 2 * * *")))["id"]
    return name


def test_a_schedule_is_made_shown_changed_turned_off_and_deleted(shell: Shell) -> None:
    one = shell.told(
        *NEW, "--cron", "30 2 * * *", "--cron", "@daily", "--timezone", "Europe/Berlin",
        "--tag", "team=backend", "--set", "max_runs=3",
    )  # fmt: skip
    assert one["cron_expressions"] == ["30 2 * * *", "@daily"] and one["max_runs"] == 3
    assert one["tags"] == {"team": "backend"}
    shown = shell.told("show", one["id"])
    assert {name: one[name] for name in shown} == shown
    assert "nightly" in shell.right("show", one["id"])
    changed = shell.told("change", one["id"], "--every", "600")
    assert (changed["frequency"], changed["interval_seconds"]) == ("interval", 600)
    assert shell.told("disable", one["id"])["enabled"] is False
    assert [two["id"] for two in shell.told("list", "--disabled")["schedules"]] == [one["id"]]
    assert shell.told("enable", one["id"])["enabled"] is True
    assert "say --yes" in shell.wrong(Exit.WRONG, "delete", one["id"])
    shell.right("delete", one["id"], "--yes")
    assert "no schedule" in shell.wrong(Exit.NOT_FOUND, "show", one["id"])


def meanwhile(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """As soon as a command has read that schedule, somebody else changes it."""
    real = Known.read

    def read(client: Client, path: str) -> Known:
        known = real(client, path)
        client.ask("PATCH", path, body={"name": name})
        return known

    monkeypatch.setattr(Known, "read", read)


@pytest.mark.parametrize("words", [("change", "--every", "600"), ("delete", "--yes")])
def test_what_somebody_else_changes_meanwhile_is_not_overwritten_but_by_force(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    name = made(shell)
    command, *rest = words
    with monkeypatch.context() as patch:
        meanwhile(patch, "theirs")
        said = shell.wrong(Exit.CONFLICT, command, name, *rest)
        assert "was changed since" in said
        assert shell.told("show", name)["name"] == "theirs"
        shell.right(command, name, *rest, "--force")
    if command == "delete":
        shell.wrong(Exit.NOT_FOUND, "show", name)


def test_what_is_about_to_change_is_shown_beside_the_result(shell: Shell) -> None:
    name = made(shell)
    secret = json.dumps({"heartbeat_url": "https://ping.example/secret", "max_runs": 3})
    result = shell.type("change", name, "--name", "b", "-f", shell.file(secret, "a.json"), "--json")
    assert json.loads(result.stdout)["name"] == "b"
    assert "name: nightly -> b" in result.stderr and "max_runs: (none) -> 3" in result.stderr
    assert "secret" not in result.stderr
    result = shell.type("delete", name, "--yes")
    assert "works" in result.stderr and result.stdout == f"{name} deleted\n"


def test_a_file_is_the_body_and_options_win(shell: Shell) -> None:
    body = json.dumps({"name": "a", "task_type": "works", "frequency": "daily"})
    result = shell.type("create", "-f", "-", "--name", "b", "--json", given=body)
    assert result.exit_code == 0 and json.loads(result.stdout)["name"] == "b"
    assert "not JSON" in shell.wrong(Exit.WRONG, "create", "-f", shell.file("{", "a.json"))
    assert "one JSON object" in shell.wrong(Exit.WRONG, "create", "-f", shell.file("[]", "b.json"))


def test_json_is_the_answer_of_the_api_itself(shell: Shell) -> None:
    made(shell)
    client = Client(Where(url=shell.url), sleep=lambda _: None)
    page = client.get("/api/v1/schedules", page_size=50)
    assert shell.told("list") == page
    client.close()


def test_all_are_walked_by_cursor_and_a_pipe_gets_tabs(shell: Shell) -> None:
    ids = {made(shell) for _ in range(5)}
    for words in (("--all",), ("--limit", "101")):
        assert {one["id"] for one in shell.told("list", *words)["schedules"]} == ids
    lines = shell.right("list", "--limit", "3").splitlines()
    assert len(lines) == 3 and all(line.split("\t")[1] == "nightly" for line in lines)
    assert shell.right("list", "--tag", "team=none") == ""
    assert "the first 3; --limit and --all" in shell.type("list", "--limit", "3").stderr
    assert shell.type("list", "--limit", "5").stderr == ""


def test_a_schedule_is_shown_with_its_latest_jobs(shell: Shell) -> None:
    """Whatever it was to run on the day before."""
    one = made(shell, "--cron", "30 2 * * *")
    assert "no jobs yet" in shell.type("show", one).stderr
    job = shell.told("run", one, "--force")["id"]
    assert shell.right("show", one).splitlines()[-1].startswith(f"{job}\t")


def test_what_is_wrong_is_said_with_its_field(shell: Shell) -> None:
    said = shell.wrong(Exit.WRONG, *NEW, "--cron", "99 * * * *")
    assert "cron_expression" in said
    assert "no_such" in shell.wrong(Exit.WRONG, *NEW, "--cron", "@daily", "--set", "no_such=1")
    assert "interval_seconds" in shell.wrong(Exit.WRONG, *NEW, "--every", "0")
    assert "NAME=VALUE" in shell.wrong(Exit.WRONG, "list", "--tag", "team")
    assert "page_size" not in shell.wrong(Exit.WRONG, "list", "--state", "merry")
    shell.wrong(Exit.WRONG, "list", "--limit", "0")
    shell.wrong(Exit.WRONG, "no-such-command")
    assert "one of --cron" in shell.wrong(Exit.WRONG, *NEW, "--cron", "@daily", "--every", "60")


def test_a_run_waits_for_its_job_and_fails_with_it(shell: Shell) -> None:
    one = made(shell)
    assert "force" in shell.wrong(Exit.CONFLICT, "run", one)
    ended = shell.told("run", one, "--force")
    assert ended["status"] == "succeeded" and ended["schedule_id"] == one
    assert shell.told("job", ended["id"])["log"] is not None
    assert ended["id"] in shell.right("jobs", "--schedule", one)
    assert "succeeded" in shell.right("run", one, "--force", "--follow")
    broken = shell.told("create", "--name", "b", "--task", "refused", "--every", "60")["id"]
    failed = shell.type("run", broken, "--force", "--json")
    assert failed.exit_code == Exit.FAILED and "password" in json.loads(failed.stdout)["error"]
    shell.wrong(Exit.FAILED, "logs", json.loads(failed.stdout)["id"], "--follow")


def test_one_that_takes_too_long_goes_on(shell: Shell) -> None:
    one = made(shell)
    said = shell.wrong(Exit.WAITED, "run", one, "--force", "--timeout", "0")
    assert "it goes on" in said and "belfry logs" in said
    (job,) = shell.told("jobs", "--schedule", one, "--status", "queued")["jobs"]
    assert shell.told("cancel", job["id"], "--reason", "enough")["status"] == "cancelled"
    again = shell.told("retry", job["id"], "--no-wait")
    assert again["retry_of"] == job["id"]


def test_a_create_whose_answer_is_lost_makes_one(shell: Shell) -> None:
    lost: list[int] = []

    def lose(request: Any) -> Any:
        answer = real(request)
        if not lost:
            lost.append(answer.status_code)
            answer.close()
            raise httpx.ReadError("cut")
        return answer

    transport = httpx.HTTPTransport()
    real = transport.handle_request
    transport.handle_request = lose  # type: ignore[method-assign]
    client = Client(Where(url=shell.url), sleep=lambda _: None, transport=transport)
    body = {"name": "once", "task_type": "works", "frequency": "daily"}
    answer = client.make("/api/v1/schedules", body)
    client.close()
    assert lost == [201]
    (one,) = shell.told("list")["schedules"]
    assert one["id"] == answer.body["id"]


def test_keys_are_made_into_a_file_of_their_owner_and_revoked(shell: Shell) -> None:
    file = shell.folder / "ana.key"
    admin = ("keys", "create", "--name", "Ana", "--role", "admin")
    assert "bfy_" not in shell.right(*admin, "--to", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "Give a key" in shell.wrong(Exit.NOT_ALLOWED, "list")
    (one,) = shell.told("--key-file", str(file), "keys", "list")["keys"]
    assert "no key was made" in shell.wrong(
        Exit.WRONG, "--key-file", str(file), *admin, "--to", str(file)
    )
    two = shell.told("--key-file", str(file), *admin)
    assert two["key"].startswith("bfy_")
    shell.right("--key-file", str(file), "keys", "revoke", two["id"], "--yes")
    left = shell.told("--key-file", str(file), "keys", "list", "--valid")["keys"]
    assert [key["id"] for key in left] == [one["id"]]


def test_a_viewer_may_not_change_and_another_project_is_not_there(shell: Shell) -> None:
    shell.keys = {"BELFRY_KEY": shell.key(Role.ADMIN)}
    one = made(shell, "--cron", "@daily", "--project", "1")
    shell.keys = {"BELFRY_KEY": shell.key(Role.VIEWER, 1)}
    assert shell.told("show", one)["project_id"] == 1
    shell.wrong(Exit.NOT_ALLOWED, "disable", one)
    shell.keys = {"BELFRY_KEY": shell.key(Role.OPERATOR, 2)}
    shell.wrong(Exit.NOT_FOUND, "disable", one)
    shell.keys = {"BELFRY_KEY": "bfy_wrong"}
    shell.wrong(Exit.NOT_ALLOWED, "list")


def test_the_other_lists_are_shown(shell: Shell) -> None:
    one = made(shell)
    assert shell.told("status")["jobs"] is not None and "total_runs" in shell.right("status")
    assert "works" in shell.right("tasks")
    assert shell.right("calendars", "list") == ""
    shell.wrong(Exit.NOT_FOUND, "calendars", "show", "c000000000000")
    assert "entries" in shell.told("audit", "--schedule", one)
    assert shell.right("audit") is not None
    assert shell.told("runs", one)["occurrences"] is not None
    assert "--force" in shell.wrong(Exit.CONFLICT, "run", one)


def test_calendars_are_found_by_their_names(shell: Shell) -> None:
    days = [{"day": "2030-12-24", "reason": "Eve"}]
    for project in (1, 2):
        shell.api("POST", "/api/v1/calendars", name="Week", project_id=project, days=days)
    shell.api("POST", "/api/v1/calendars", name="Own", days=days)
    assert shell.told("calendars", "show", "own")["name"] == "Own"
    span = ("--from", "2030-12-01", "--to", "2030-12-31")
    assert "Eve" in shell.right("calendars", "days", "Own", *span)
    said = shell.wrong(Exit.WRONG, "calendars", "show", "Week")
    assert "(project 1)" in said and "(project 2)" in said
    assert "no calendar 'x'" in shell.wrong(Exit.NOT_FOUND, "calendars", "days", "x")


def test_health_and_conflicts_are_shown(shell: Shell) -> None:
    one, other = made(shell, "--every", "3600"), made(shell, "--every", "7200")
    assert shell.right("health") == "" and shell.told("health")["schedules"] == []
    assert f"schedule_id\t{one}" in shell.right("health", one)
    assert "no schedule" in shell.wrong(Exit.NOT_FOUND, "health", "nope")
    (line,) = shell.right("conflicts").splitlines()
    assert {one, other} == set(line.split("\t")[:2]) and "task works" in line
    assert len(shell.told("conflicts")["conflicts"]) == 1
    assert shell.right("conflicts", "--project", "7") == ""


def test_ids_are_completed(shell: Shell) -> None:
    one = made(shell)
    words = {"_BELFRY_COMPLETE": "complete_bash", "COMP_WORDS": "belfry show ", "COMP_CWORD": "2"}
    environ = {"BELFRY_URL": shell.url, "BELFRY_CONFIG": str(shell.folder / "none"), **words}
    result = CliRunner().invoke(app, [], prog_name="belfry", env=environ)
    assert one in result.output
    environ["BELFRY_URL"] = "http://127.0.0.1:9"
    result = CliRunner().invoke(app, [], prog_name="belfry", env=environ)
    assert result.output.strip() == ""


def test_what_is_no_belfry_is_said(shell: Shell) -> None:
    client = Client(Where(url="http://127.0.0.1:9"), sleep=lambda _: None)
    with pytest.raises(Failure, match="cannot be reached") as told:
        client.get("/")
    assert told.value.code is Exit.UNREACHABLE
    client.close()


def test_what_is_to_come_is_shown_and_what_was_is_run(shell: Shell) -> None:
    one = made(shell, "--every", "3600", "--set", "start_time=2026-03-01T00:00:00Z")
    assert len(shell.told("preview", one, "--count", "4")["runs"]) == 4
    assert len(shell.right("preview", one).splitlines()) == 10
    body = json.dumps({"name": "a", "task_type": "works", "frequency": "daily"})
    assert shell.right("preview", "--file", shell.file(body, "a.json"))
    assert "or --file" in shell.wrong(Exit.WRONG, "preview")
    span = ("--from", "2026-03-01T06:00:00Z", "--to", "2026-03-01T09:00:00Z", "--rule", "present")
    assert shell.told("backfill", one, *span, "--dry-run")["total"] == 3
    assert "Run 3 jobs" in shell.wrong(Exit.WRONG, "backfill", one, *span)
    begun = shell.told("backfill", one, *span, "--yes")
    assert begun["total"] == 3 and begun["id"] in shell.right("backfills", one)
    assert shell.told("cancel-backfill", one, begun["id"])["state"] == "cancelled"
