"""Each pet-care task does the work of its name, at the time of its requirement, in local time."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from functions.care.appointment_reminders_2h import appointment_reminders_2h
from functions.care.appointment_reminders_24h import appointment_reminders_24h
from functions.care.no_show_detector import no_show_detector
from functions.care.reputation_updater import reputation_updater
from functions.care.vaccination_monitor import vaccination_monitor
from shared.care.service import REPUTATIONS
from shared.tasks import JobContext, Result, Task
from tests.context import job_of, result_of


@dataclass
class Recorder:
    """A `PetCare` that only says what it was asked for."""

    asked: list[str] = field(default_factory=list)

    def _note(self, what: str, job: JobContext) -> Result:
        self.asked.append(what)
        return {"attempt": job.attempt}

    def remind_24h(self, job: JobContext) -> Result:
        return self._note("remind_24h", job)

    def remind_2h(self, job: JobContext) -> Result:
        return self._note("remind_2h", job)

    def check_vaccinations(self, job: JobContext) -> Result:
        return self._note("check_vaccinations", job)

    def detect_no_shows(self, job: JobContext) -> Result:
        return self._note("detect_no_shows", job)

    def update_reputations(self, job: JobContext) -> Result:
        return self._note("update_reputations", job)


@pytest.mark.parametrize(
    ("task", "asked", "cron"),
    [
        (vaccination_monitor, "check_vaccinations", "0 6 * * *"),
        (no_show_detector, "detect_no_shows", "30 6 * * *"),
        (appointment_reminders_24h, "remind_24h", "0 * * * *"),
        (appointment_reminders_2h, "remind_2h", "30 * * * *"),
        (reputation_updater, "update_reputations", "0 0 * * 0"),
    ],
)
def test_a_task_does_the_work_of_its_name(task: Task, asked: str, cron: str) -> None:
    care = Recorder()
    assert result_of(task, job_of(attempt=2), care=care) == {"attempt": 2}
    assert care.asked == [asked]
    assert task.recurrence is not None and task.recurrence.cron_expression == cron
    assert task.local_time


def test_weeks_end_in_the_zone_of_the_task_that_settles_them() -> None:
    assert reputation_updater.name == REPUTATIONS
