"""A schedule that was taken by laxer rules goes on; only what is changed is asked anew."""

from __future__ import annotations

from tests.integration.schedules.conftest import Counter


def test_a_stored_step_that_would_be_refused_now_runs_and_its_schedule_can_be_changed(
    counter: Counter,
) -> None:
    made = counter.made(frequency="cron", cron_expression="0 * * * *")
    counter.stored(made, cron_expression="*/99 * * * *")
    counter.engine.later(3600)
    counter.engine.tick()
    assert [job.status.value for job in counter.engine.work()] == ["succeeded"]
    renamed = counter.changed(made, name="Other", enabled=True)
    assert (renamed["name"], renamed["cron_expression"]) == ("Other", "*/99 * * * *")
    assert renamed["is_active"] and renamed["next_run_at"] == "2026-03-01T14:00:00Z"
    field, said = counter.unchanged(made, timezone="Europe/Berlin")
    assert field == "cron_expression" and "'*/99': a step of 99" in said
    moved = counter.changed(made, timezone="Europe/Berlin", cron_expression="*/30 * * * *")
    assert moved["next_run_at"] == "2026-03-01T13:30:00Z"


def test_a_schedule_whose_task_was_removed_can_be_turned_off_and_renamed(counter: Counter) -> None:
    made = counter.made()
    path = f"/schedules/{made['id']}"
    counter.stored(made, task_type="gone")
    assert counter.told("PATCH", path, {"enabled": False})["enabled"] is False
    assert counter.told("PATCH", path, {"name": "old"})["name"] == "old"
    field, said = counter.wrong("PATCH", path, {"task_parameters": {"x": 1}})
    assert field == "task_type" and "there is no task 'gone'" in said
