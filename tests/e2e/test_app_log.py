"""What the app itself says in `make start`'s log: a newcomer learns from it what it did."""

from __future__ import annotations

from tests.e2e.conftest import Belfry


def test_the_first_start_tells_what_was_made_and_no_error(first: Belfry) -> None:
    said = first.log()
    for word in ("schedule_created schedule_id=postgres_backup", "next_run schedule_id=postgres_b"):
        assert f" {word}" in said
    assert said.index("schedule_created") < said.index("app_started tasks=")
    assert "rror" not in said and "cannot" not in said


def test_a_later_start_tells_what_settings_changed(launch: Belfry) -> None:
    launch.settings |= {
        "POSTGRES_BACKUP_SCHEDULE": "30 4 * * *",
        "DATABASE_BACKUPS_ENABLED": "false",
    }
    launch.start()
    said = launch.log()
    assert "schedule_changed schedule_id=postgres_backup" in said
    assert "setting_unknown setting=DATABASE_BACKUPS_ENABLED" in said
    assert "schedule_created" not in said
