"""The tasks in an app: with its own notifications, whose outbox is a real Azurite, and by hand."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from sqlalchemy import text

from functions.care.appointment_reminders_24h import appointment_reminders_24h
from functions.care.no_show_detector import no_show_detector
from functions.care.reputation_updater import reputation_updater
from functions.care.vaccination_monitor import vaccination_monitor
from local.azurite import Azurite
from shared.app import App, build
from shared.data.database import writing
from shared.data.models import Appointment, AppointmentStatus, Owner
from shared.errors import Misconfigured
from shared.notifications.model import NotificationStatus
from shared.settings import from_env
from shared.tasks import Registry, Task
from tests.forked import Commands
from tests.integration.care.office import DAY, HOUR, NOON, Office

TASKS = (appointment_reminders_24h, vaccination_monitor, no_show_detector, reputation_updater)
Start = Callable[..., App]
PHONE = "+4915112345678"
_prefixes = itertools.count()


@pytest.fixture
def start(office: Office, azurite: Azurite) -> Start:
    """An app on the office's database and clock."""
    prefix = f"care{next(_prefixes)}"

    def made(**environ: str) -> App:
        known = {
            "AzureWebJobsStorage": azurite.connection_string,
            "BELFRY_PREFIX": prefix,
            "DATABASE_URL": office.url.reveal(),
        }
        app = build(from_env(known | environ), office.clock, Registry(TASKS))
        app.create()
        return app

    return made


def run(app: App, office: Office, task: Task, **how: Any) -> Mapping[str, Any]:
    return app.executor.rehearse(task, task.params(), office.job(**how))


def test_a_reminder_is_worded_by_what_is_so_when_it_is_sent(office: Office, start: Start) -> None:
    """Without a provider, it is kept for a person to read."""
    app = start()
    office.change(Owner, 1, phone=PHONE)
    office.book(NOON + DAY)
    office.vaccinate(NOON.date() + 14 * DAY)
    assert run(app, office, appointment_reminders_24h)["messages_kept"] == 1
    assert run(app, office, vaccination_monitor)["messages_kept"] == 1
    again = run(app, office, appointment_reminders_24h)
    assert (again["total_messages"], again["total_errors"]) == (0, 0)


def test_a_dry_run_shows_the_words(office: Office, start: Start) -> None:
    app = start()
    office.change(Owner, 1, phone=PHONE)
    office.book(NOON + DAY)
    before = office.dump()
    (one,) = run(app, office, appointment_reminders_24h, dry_run=True)["would"]["send"]
    assert "Luna" in one["text"] and "Łapka" in one["text"] and "1:00" in one["text"]
    assert one["status"] == NotificationStatus.KEPT.value
    assert office.dump() == before
    assert run(app, office, appointment_reminders_24h)["total_messages"] == 1


def test_without_fees_that_are_due_no_billing_is_needed(office: Office, start: Start) -> None:
    office.book(NOON - HOUR)
    assert run(start(), office, no_show_detector)["total_detected"] == 1
    assert office.rows(Appointment, "status") == [(AppointmentStatus.NO_SHOW,)]


def test_without_a_database_the_tasks_say_which_setting_is_missing(
    office: Office, start: Start
) -> None:
    app = start(DATABASE_URL="")
    for task in TASKS:
        with pytest.raises(Misconfigured, match="DATABASE_URL is not set"):
            run(app, office, task)


def test_a_schema_of_another_version_is_told(office: Office, start: Start) -> None:
    with writing(office.url) as session:
        session.execute(text("UPDATE belfry_version SET version_num = '0002'"))
    app = start()
    for task in TASKS:
        with pytest.raises(Misconfigured, match="schema is 0002, and the code needs"):
            run(app, office, task)


def test_by_hand_a_dry_run_changes_nothing(
    office: Office, start: Start, azurite: Azurite, commands: Commands
) -> None:
    app = start()
    office.book(NOON - HOUR)
    before = office.dump()
    environ = {
        "AzureWebJobsStorage": azurite.connection_string,
        "BELFRY_PREFIX": app.settings.prefix,
        "DATABASE_URL": office.url.reveal(),
        "BELFRY_LOCAL_SETTINGS": "tests/unit/no.settings.json",
    }
    words = ("no_show_detector", "--dry-run", f"--as-of={NOON.isoformat()}")
    done = commands.run(*words, **environ)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["result"]["total_detected"] == 1
    assert office.dump() == before
