"""A task that tells people something: it names the service, and the app gives it."""

from __future__ import annotations

from datetime import timedelta

from shared.app import build
from shared.notifications.port import NotificationService
from shared.schedules.job import Status
from shared.storage.queues.jobs import Message
from shared.tasks import JobContext, Registry, Result, task
from tests.integration.notifications.conftest import Office
from tests.integration.notifications.vendors import CHATS


@task("tells", cron="0 3 * * *")
def tells(job: JobContext, notifications: NotificationService) -> Result:
    """Tells people once, though it asks twice."""
    for _ in range(2):
        notifications.alert(key=job.job_id, subject="Done", text="All is well")
    return {}


def test_a_task_sends_what_people_get_once(office: Office) -> None:
    app = build(office.settings(), office.clock, Registry([tells]))
    app.prepare()
    asked = app.manager.run_now("tells", force=True, send=False)
    office.clock.advance(timedelta(seconds=1))
    app.worker.work(Message((asked.job_id,), office.clock.now()))
    assert app.manager.job(asked.job_id).status is Status.SUCCEEDED
    assert {len(office.vendors.to(chat)) for chat in CHATS} == {1}
    assert {one.key for one in app.notifications().page(None, None, 1, 10)[0]} == {asked.job_id}
