"""Schedules as code: what is planned and applied, again and again."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from belfry.client import Client
from belfry.code import applying, comparing, planning, recording
from belfry.problems import Exit
from belfry.profile import Where
from shared.access import Role
from shared.api.examples import BODIES
from tests.integration.command_line.conftest import Shell

FILE = """\
owner: backend
project_id: 7
calendars:
  Week:
    working_hours: {monday: ["00:00-17:00"], tuesday: ["00:00-17:00"]}
    days:
      - {day: 2030-12-24, reason: Christmas Eve}
schedules:
  nightly:
    task_type: works
    frequency: cron
    cron_expression: 30 2 * * *
    timezone: Europe/Berlin
    calendars: [Week]
    tags: {team: backend}
  often:
    name: Every ten minutes
    task_type: works
    frequency: interval
    interval_seconds: 600
"""
NOTHING = "0 to create, 0 to change, 0 to delete"


def plan(shell: Shell, file: str) -> list[tuple[str, str, str]]:
    steps = shell.told("plan", file)["steps"]
    return [(one["action"], one["kind"], one["key"]) for one in steps]


def test_what_a_file_says_is_made_once(shell: Shell) -> None:
    file = shell.file(FILE)
    made = [("create", "calendar", "Week"), ("create", "schedule", "nightly")]
    assert plan(shell, file) == [*made, ("create", "schedule", "often")]
    assert shell.told("list")["schedules"] == [], "a plan changes nothing"
    assert "say --yes" in shell.wrong(Exit.WRONG, "apply", file)
    assert "created schedule nightly" in shell.right("apply", file, "--yes")
    assert NOTHING in shell.right("apply", file), "nothing to ask for"
    assert NOTHING in shell.right("plan", file, "--detect-drift")
    (one,) = shell.told("list", "--tag", "managed_key=nightly")["schedules"]
    assert one["calendars"] == ["Week"] and one["project_id"] == 7
    assert one["tags"] == {"team": "backend", "managed_by": "backend", "managed_key": "nightly"}


def test_a_change_is_shown_field_by_field_and_a_line_that_goes_is_undone(shell: Shell) -> None:
    shell.right("apply", shell.file(FILE), "--yes")
    file = shell.file(FILE.replace("30 2 * * *", "45 3 * * *").replace("    tags:", "    #"))
    (step,) = shell.told("plan", file)["steps"]
    changes = {one["field"]: (one["before"], one["after"]) for one in step["differences"]}
    assert changes["cron_expression"] == ("30 2 * * *", "45 3 * * *")
    assert changes["tags"][1] == {"managed_by": "backend", "managed_key": "nightly"}
    assert len(changes) == 2 and len(step["runs_before"]) == len(step["runs_after"]) == 3
    assert step["runs_before"] != step["runs_after"]
    assert "30 2 * * * -> 45 3 * * *" in shell.right("plan", file)
    shell.right("apply", file, "--yes")
    assert NOTHING in shell.right("plan", file)


def test_only_what_is_the_owners_is_deleted(shell: Shell) -> None:
    other = shell.told("create", "--name", "other", "--task", "works", "--every", "60")["id"]
    shell.right("apply", shell.file(FILE), "--yes")
    mine = shell.file("owner: frontend\nschedules: {}\n", "b.yaml")
    assert NOTHING in shell.right("plan", mine)
    empty = shell.file("owner: backend\n")
    assert NOTHING in shell.right("plan", empty, "--no-delete")
    assert [one[0] for one in plan(shell, empty)] == ["delete"] * 3
    assert plan(shell, empty)[-1] == ("delete", "calendar", "Week"), "while none names it"
    shell.right("apply", empty, "--yes")
    assert [one["id"] for one in shell.told("list")["schedules"]] == [other]
    shell.right("apply", shell.file(FILE), "--yes")
    assert len(shell.told("list")["schedules"]) == 3, "made anew, though the key of its request is"


def test_drift_has_an_exit_code(shell: Shell) -> None:
    file = shell.file(FILE)
    shell.right("apply", file, "--yes")
    (one,) = shell.told("list", "--tag", "managed_key=often")["schedules"]
    shell.right("disable", one["id"])
    assert shell.type("plan", file, "--detect-drift").exit_code == Exit.DIFFERS
    shell.right("plan", file)


def test_what_was_applied_is_watched_for_drift(shell: Shell) -> None:
    file = shell.file(FILE)
    assert shell.right("drift") == "", "nothing was applied"
    shell.wrong(Exit.NOT_FOUND, "drift", "backend")
    shell.right("apply", file, "--yes")
    assert shell.right("drift", "backend") == ""
    found = shell.told("drift", "backend")
    assert (found["schedules"], found["calendars"], found["drifted"]) == (2, 1, 0)
    (one,) = shell.told("list", "--tag", "managed_key=often")["schedules"]
    shell.right("disable", one["id"])
    result = shell.type("drift")
    assert result.exit_code == Exit.DIFFERS
    assert result.stdout == f"backend\tchanged\tschedule\toften\t{one['id']}\tenabled\n"
    assert "backend: 1 differ; applied at" in result.stderr
    assert "changed schedule often" in shell.right("apply", file, "--yes")
    assert shell.right("drift") == ""


def test_a_calendar_that_moves_its_schedules_makes_no_drift(shell: Shell) -> None:
    shell.right("apply", shell.file(FILE), "--yes")
    shell.right("apply", shell.file(FILE.replace("17:00", "18:00")), "--yes")
    assert shell.right("drift", "backend") == ""


def test_an_apply_without_steps_is_known_too_and_what_is_kept_is_no_drift(shell: Shell) -> None:
    file = shell.file(FILE)
    shell.right("apply", file, "--yes")
    client = Client(Where(url=shell.url), sleep=lambda _: None)
    client.ask("DELETE", "/api/v1/applied/backend")
    client.close()
    assert NOTHING in shell.right("apply", file)
    assert shell.told("drift", "backend")["schedules"] == 2
    part = shell.file("owner: backend\n", "part.yaml")
    assert NOTHING in shell.right("apply", part, "--no-delete")
    assert shell.told("drift", "backend")["drifted"] == 0
    assert shell.told("drift", "backend")["schedules"] == 2


def test_an_owner_with_a_slash_is_found(shell: Shell) -> None:
    shell.right("apply", shell.file(FILE.replace("owner: backend", "owner: shop/night")), "--yes")
    assert shell.told("drift", "shop/night")["drifted"] == 0


def test_a_change_right_after_the_last_step_is_said(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = recording.record

    def record(client: Client, plan: planning.Plan) -> str | None:
        (one,) = (kept for kept in plan.kept if kept.key == "often")
        client.ask("PATCH", f"/api/v1/schedules/{one.id}", body={"interval_seconds": 1200})
        return real(client, plan)

    monkeypatch.setattr(recording, "record", record)
    said = shell.wrong(Exit.CONFLICT, "apply", shell.file(FILE), "--yes")
    assert "All is done" in said and "revision 2" in said
    assert shell.right("drift") == ""


def test_somebody_elses_change_after_the_plan_is_not_overwritten(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.right("apply", shell.file(FILE), "--yes")
    (one,) = shell.told("list", "--tag", "managed_key=often")["schedules"]
    real = planning.make

    def make(client: Client, *rest: Any, **named: Any) -> planning.Plan:
        made = real(client, *rest, **named)
        client.ask("PATCH", f"/api/v1/schedules/{one['id']}", body={"interval_seconds": 1200})
        return made

    file = shell.file(FILE.replace("interval_seconds: 600", "interval_seconds: 300"))
    monkeypatch.setattr(planning, "make", make)
    said = shell.wrong(Exit.CONFLICT, "apply", file, "--yes")
    assert "often" in said and "changed since" in said and "0 done, 1 not done" in said
    monkeypatch.undo()
    assert shell.told("show", one["id"])["interval_seconds"] == 1200


def test_a_calendar_and_a_schedule_that_names_it_change_together(shell: Shell) -> None:
    shell.right("apply", shell.file(FILE), "--yes")
    text = FILE.replace("2030-12-24", "2030-12-31").replace("30 2 * * *", "45 3 * * *")
    file = shell.file(text)
    assert plan(shell, file) == [("change", "calendar", "Week"), ("change", "schedule", "nightly")]
    shell.right("apply", file, "--yes")
    assert NOTHING in shell.right("plan", file)
    file = shell.file(FILE.replace("  nightly:", "  other:"))
    shell.right("apply", file, "--yes")
    assert NOTHING in shell.right("plan", file), "the one that was deleted named it too"


@pytest.mark.parametrize("other", ["Week", "nightly"])
def test_somebody_elses_change_of_a_calendar_or_beside_one_is_not_overwritten(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    shell.right("apply", shell.file(FILE), "--yes")
    (week,) = shell.told("calendars", "list")["calendars"]
    (one,) = shell.told("list", "--tag", "managed_key=nightly")["schedules"]
    place = {"Week": f"calendars/{week['id']}", "nightly": f"schedules/{one['id']}"}[other]
    real = planning.make

    def make(client: Client, *rest: Any, **named: Any) -> planning.Plan:
        made = real(client, *rest, **named)
        client.ask("PATCH", f"/api/v1/{place}", body={"description": "theirs"})
        return made

    monkeypatch.setattr(planning, "make", make)
    text = FILE.replace("2030-12-24", "2030-12-31").replace("30 2 * * *", "45 3 * * *")
    said = shell.wrong(Exit.CONFLICT, "apply", shell.file(text), "--yes")
    assert other in said and "changed since" in said
    monkeypatch.undo()
    (days,) = shell.told("calendars", "show", week["id"])["days"]
    assert days["day"] == ("2030-12-24" if other == "Week" else "2030-12-31")
    assert shell.told("show", one["id"])["cron_expression"] == "30 2 * * *"


def test_a_calendar_is_made_by_two_at_once_and_made_anew_after_it_is_deleted(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = planning.make

    def make(client: Client, *rest: Any, **named: Any) -> planning.Plan:
        made = real(client, *rest, **named)
        applying.apply(client, made, lambda *_: None)
        return made

    monkeypatch.setattr(planning, "make", make)
    shell.right("apply", shell.file(FILE), "--yes")
    monkeypatch.undo()
    assert len(shell.told("calendars", "list")["calendars"]) == 1
    assert len(shell.told("list")["schedules"]) == 2
    shell.right("apply", shell.file("owner: backend\n"), "--yes")
    assert shell.told("calendars", "list")["calendars"] == []
    shell.right("apply", shell.file(FILE), "--yes")
    assert len(shell.told("calendars", "list")["calendars"]) == 1


def test_it_stops_at_the_first_failure_and_goes_on_when_it_is_run_again(shell: Shell) -> None:
    file = shell.file(FILE.replace("timezone: Europe/Berlin", "timezone: Europe/Nowhere"))
    said = shell.wrong(Exit.WRONG, "apply", file, "--yes")
    assert f"{file}:9" in said and "timezone" in said and "1 done, 2 not done" in said
    assert plan(shell, shell.file(FILE)) == [
        ("create", "schedule", "nightly"),
        ("create", "schedule", "often"),
    ]
    shell.right("apply", shell.file(FILE), "--yes")
    assert NOTHING in shell.right("plan", shell.file(FILE))


def test_a_plan_says_what_the_api_would_refuse(shell: Shell) -> None:
    file = shell.file(FILE.replace("interval_seconds: 600", "interval_seconds: 0"))
    said = shell.wrong(Exit.WRONG, "plan", file)
    assert f"{file}:16" in said and "interval_seconds" in said


def test_of_two_that_were_made_at_once_the_newer_goes(shell: Shell) -> None:
    shell.right("apply", shell.file(FILE), "--yes")
    (one,) = shell.told("list", "--tag", "managed_key=often")["schedules"]
    shell.engine.later(5)
    tags = ("--tag", "managed_by=backend", "--tag", "managed_key=often")
    two = shell.told("create", "--name", "b", "--task", "works", "--every", "60", *tags)["id"]
    (step,) = shell.told("plan", shell.file(FILE))["steps"]
    assert (step["action"], step["id"]) == ("delete", two) and one["id"] != two


def test_what_cannot_be_changed_is_said(shell: Shell) -> None:
    shell.right("apply", shell.file(FILE), "--yes")
    file = shell.file(FILE.replace("project_id: 7", "project_id: 8"))
    said = shell.wrong(Exit.WRONG, "plan", file)
    assert "project_id is 7" in said and "a new key" in said


def test_a_calendar_of_others_is_not_taken(shell: Shell) -> None:
    days = [{"day": "2030-12-24"}]
    shell.api("POST", "/api/v1/calendars", name="Week", project_id=7, days=days)
    assert "[managed_by backend]" in shell.wrong(Exit.WRONG, "plan", shell.file(FILE))


def test_a_name_that_a_calendar_of_all_projects_has_is_said_by_the_plan(shell: Shell) -> None:
    shell.api("POST", "/api/v1/calendars", name="week", days=[{"day": "2030-12-24"}])
    said = shell.wrong(Exit.CONFLICT, "plan", shell.file(FILE))
    assert "belfry.yaml:" in said and "of all projects has the name 'week'" in said


def test_a_caller_of_one_project_makes_it_there(shell: Shell) -> None:
    shell.key(Role.ADMIN)
    shell.keys = {"BELFRY_KEY": shell.key(Role.OPERATOR, 3)}
    file = shell.file(FILE.replace("project_id: 7\n", "").replace("works", "theirs"))
    shell.right("apply", file, "--yes")
    assert {one["project_id"] for one in shell.told("list")["schedules"]} == {3}
    assert NOTHING in shell.right("plan", file)
    shell.keys = {"BELFRY_KEY": shell.key(Role.VIEWER, 3)}
    assert NOTHING in shell.right("plan", file)
    shell.wrong(Exit.NOT_ALLOWED, "apply", shell.file("owner: backend\n"), "--yes")


def test_what_is_exported_is_taken_over_as_it_is(shell: Shell) -> None:
    ids = [
        shell.told("create", "--name", "a", "--task", "works", *words)["id"]
        for words in (
            ("--every", "600"),
            ("--cron", "@daily", "--cron", "5 5 * * *", "--timezone", "Europe/Berlin"),
            ("--rrule", "FREQ=WEEKLY;BYDAY=TU", "--set", "start_local=2027-01-05T09:00:00"),
            ("--at", "2030-01-31T09:00:00+01:00"),
            ("--frequency", "monthly", "--set", "jitter_seconds=9"),
        )
    ]
    text = shell.right("export", "--owner", "backend")
    assert {one["id"] for one in yaml.safe_load(text)["schedules"].values()} == set(ids)
    file = shell.file(text)
    steps = shell.told("plan", file)["steps"]
    assert [one["action"] for one in steps] == ["change"] * len(ids)
    assert {one["field"] for step in steps for one in step["differences"]} == {"tags"}
    shell.right("apply", file, "--yes")
    assert NOTHING in shell.right("plan", file)
    again = shell.right("export", "--owner", "backend", "--managed")
    assert NOTHING in shell.right("plan", shell.file(again, "again.yaml"))
    assert len(shell.told("list")["schedules"]) == len(ids)
    assert "takes over" not in shell.right("plan", file)
    theirs = shell.file(text.replace("owner: backend", "owner: frontend"), "c.yaml")
    assert "belongs to backend" in shell.wrong(Exit.WRONG, "plan", theirs)


def test_the_defaults_are_those_of_the_api(shell: Shell) -> None:
    client = Client(Where(url=shell.url), sleep=lambda _: None)
    for frequency in ("daily", "weekly", "monthly"):
        body = {"name": "a", "task_type": "works", "frequency": frequency}
        stored = client.ask("POST", "/api/v1/schedules", body=body).body
        assert comparing.of_schedule(body, stored) == []
        assert {name: stored[name] for name in comparing.SCHEDULE_DEFAULTS} == dict(
            comparing.SCHEDULE_DEFAULTS
        )
    for example in BODIES["NewCalendar"].values():
        stored = client.ask("POST", "/api/v1/calendars", body=example).body
        assert comparing.of_calendar(example, stored) == []
    client.close()
