"""System schedules: what code and settings newly say is applied, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from local.azurite import Azurite
from shared.app import App, build
from shared.errors import Conflict, NotFound
from shared.recurrence import Frequency, Recurrence
from shared.schedules.model import Schedule
from shared.tasks import JobContext, Params, Registry, Result, Retry, Task, task
from tests.integration.engine.conftest import Engine, make
from tests.jobs import jobs_of


def daily(name: str = "daily", cron: str | None = "0 3 * * *", **options: Any) -> Task:
    """A task as code defines it."""
    retry = Retry(attempts=options.pop("attempts", 3))

    @task(name, cron=cron, retry=retry, **options)
    def run(job: JobContext, params: Params) -> Result:
        """Daily."""
        return {}

    return run


@dataclass
class Deployment:
    """One storage, and the app that was last started on it."""

    azurite: Azurite
    engine: Engine

    @property
    def app(self) -> App:
        return self.engine.app

    def start(self, *tasks: Task, **environ: str) -> None:
        """Deploy: start it with these tasks and settings, at the time of the first start."""
        prefix = self.app.settings.prefix
        self.engine = make(self.azurite, prefix, tasks=tasks, environ=environ)

    def schedule(self) -> Schedule:
        return self.app.manager.get("daily")

    def time(self) -> str:
        when = self.schedule().definition.recurrence
        return f"{when.cron_expression} {when.timezone}"

    def patch(self, step: Callable[[Schedule], Schedule]) -> None:
        """As the API changes it."""
        self.app.manager.change("daily", step)

    def moved(self, cron: str, timezone: str = "UTC") -> None:
        when = Recurrence(frequency=Frequency.CRON, cron_expression=cron, timezone=timezone)
        self.patch(lambda one: replace(one, definition=replace(one.definition, recurrence=when)))


@pytest.fixture
def deployment(azurite: Azurite) -> Deployment:
    return Deployment(azurite, make(azurite, tasks=[daily()]))


def test_a_start_that_says_the_same_changes_nothing(deployment: Deployment) -> None:
    deployment.moved("0 7 * * *", "Europe/Berlin")
    deployment.app.manager.enable("daily", False)
    before = deployment.schedule()
    deployment.start(daily())
    assert deployment.schedule() == before


def test_a_new_time_undoes_no_change_of_something_else(deployment: Deployment) -> None:
    deployment.app.manager.enable("daily", False)
    deployment.patch(lambda one: replace(one, policy=replace(one.policy, timeout_seconds=77)))
    deployment.start(daily(), DAILY_SCHEDULE="30 4 * * *")
    assert deployment.time() == "30 4 * * * UTC"
    found = deployment.schedule()
    assert not found.definition.enabled and found.policy.timeout_seconds == 77


def test_a_new_zone_is_a_new_time(deployment: Deployment) -> None:
    deployment.moved("0 7 * * *")
    deployment.start(daily(), DAILY_TIMEZONE="Europe/Berlin")
    assert deployment.time() == "0 3 * * * Europe/Berlin"


def test_a_new_policy_undoes_no_change_of_the_time_or_of_another_field(
    deployment: Deployment,
) -> None:
    deployment.moved("0 7 * * *")
    deployment.patch(
        lambda one: replace(
            one, policy=replace(one.policy, timeout_seconds=77, max_attempts=9, jitter_seconds=5)
        )
    )
    deployment.start(daily(timeout_seconds=900))
    policy = deployment.schedule().policy
    assert deployment.time() == "0 7 * * * UTC"
    assert (policy.timeout_seconds, policy.max_attempts, policy.jitter_seconds) == (900, 9, 5)
    deployment.start(daily(timeout_seconds=900, attempts=4))
    policy = deployment.schedule().policy
    assert (policy.timeout_seconds, policy.max_attempts, policy.jitter_seconds) == (900, 4, 5)


@pytest.mark.parametrize(
    ("before", "by_api", "after", "on"),
    [
        (None, None, "false", False),
        ("true", None, "false", False),
        ("false", None, None, True),
        ("false", None, "true", True),
        ("false", True, "false", True),
        (None, False, "true", True),
        (None, False, None, False),
        ("true", False, None, False),
        ("true", False, "true", False),
    ],
)
def test_whether_it_is_on_follows_the_last_change(
    deployment: Deployment, before: str | None, by_api: bool | None, after: str | None, on: bool
) -> None:
    deployment.start(daily(), **_enabled(before))
    if by_api is not None:
        deployment.app.manager.enable("daily", by_api)
    deployment.start(daily(), **_enabled(after))
    found = deployment.schedule()
    assert found.definition.enabled is on and found.is_on is on
    assert (found.progress.next_run_at is not None) is on


def _enabled(value: str | None) -> dict[str, str]:
    return {} if value is None else {"DAILY_ENABLED": value}


@pytest.mark.parametrize("kept", ["{}", "[]", "no JSON", '{"cron": "0 3 * * *"}'])
def test_what_was_not_said_before_is_not_new(deployment: Deployment, kept: str) -> None:
    """`configured` as another version wrote it, or nobody."""
    deployment.moved("0 7 * * *")
    deployment.patch(lambda one: replace(one, configured=kept))
    deployment.start(daily(timeout_seconds=900))
    found = deployment.schedule()
    assert deployment.time() == "0 7 * * * UTC"
    assert found.policy.timeout_seconds == 600 and json.loads(found.configured)["cron"]
    deployment.start(daily(timeout_seconds=901))
    assert deployment.schedule().policy.timeout_seconds == 901


def test_the_text_of_what_was_said_is_that_of_earlier_versions(deployment: Deployment) -> None:
    assert deployment.schedule().configured == (
        '{"catch_up": "none", "catch_up_limit": 100, "cron": "0 3 * * *", "enabled": null, '
        '"jitter_seconds": 0, "max_attempts": 3, "max_retry_delay_seconds": 900, '
        '"max_runs": null, "misfire_grace_seconds": 900, "overlap": "skip", '
        '"pause_after_failures": null, "retry_delay_seconds": 30, "timeout_seconds": 600, '
        '"timezone": "UTC"}'
    )


@pytest.mark.parametrize("now", [[], [daily(cron=None)], [daily("nightly", aliases=("daily",))]])
def test_a_task_that_is_gone_leaves_its_schedule_off_and_free_to_be_deleted(
    deployment: Deployment, now: list[Task], caplog: pytest.LogCaptureFixture
) -> None:
    """Its file was removed, it has no time any more, or it got another name."""
    with pytest.raises(Conflict, match="belongs to a built-in task"):
        deployment.app.manager.delete("daily")
    deployment.start(*now)
    found = deployment.schedule()
    assert not found.definition.enabled and found.progress.next_run_at is None
    (told,) = (one for one in caplog.records if getattr(one, "event", "") == "schedule_orphaned")
    assert told.levelname == "WARNING" and "schedule_id=daily" in told.getMessage()
    caplog.clear()
    deployment.start(*now)
    assert "schedule_orphaned" not in caplog.text
    deployment.app.manager.delete("daily")
    with pytest.raises(NotFound):
        deployment.schedule()


@pytest.mark.parametrize("deleted", [False, True])
def test_a_task_that_comes_back_begins_anew(deployment: Deployment, deleted: bool) -> None:
    deployment.moved("0 7 * * *")
    deployment.start()
    if deleted:
        deployment.app.manager.delete("daily")
    deployment.start(daily(cron="0 4 * * *", timeout_seconds=900))
    found = deployment.schedule()
    assert deployment.time() == "0 4 * * * UTC" and found.policy.timeout_seconds == 900
    assert found.is_on and found.configured
    due = found.progress.next_run_at
    deployment.engine.later(24 * 3600)
    deployment.engine.tick()
    assert deployment.app.ledger.reconcile(lambda: None).good
    assert due in [job.due_at for job in jobs_of(deployment.app, "daily")]


def test_a_schedule_of_a_persons_own_is_never_retired(deployment: Deployment) -> None:
    of_person = replace(deployment.schedule().definition, name="mine")
    made = deployment.app.manager.create(of_person, deployment.schedule().policy)
    deployment.start()
    assert deployment.app.manager.get(made.id).definition.enabled


def test_the_command_line_retires_nothing(deployment: Deployment) -> None:
    other = build(deployment.app.settings, deployment.app.clock, tasks=Registry([]))
    other.prepare(by_hand=True)
    assert deployment.schedule().is_on


def test_a_start_warns_of_a_setting_that_is_nearly_a_tasks(
    deployment: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    deployment.start(daily(), DAYLY_ENABLED="false")
    assert "setting_unknown setting=DAYLY_ENABLED did_you_mean=DAILY_ENABLED" in caplog.text
    assert deployment.schedule().is_on
