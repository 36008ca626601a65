"""Critical schedules outside workflows, figures of approvals, and hostile or huge texts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from local.azurite import Azurite
from shared.approvals.model import Answer, ApprovalStatus
from shared.engine.commands.backfills import Wish
from shared.errors import Conflict, Forbidden
from shared.schedules.job import Status, job_id
from shared.storage.queues.jobs import Message
from shared.weekly.week import Week
from tests.integration.approvals.desk import ANN, BOB, CID, Desk, desk_of
from tests.integration.approvals.test_gate import DAILY
from tests.integration.approvals.test_races import MANY
from tests.integration.engine.conftest import START


@pytest.fixture
def desk(azurite: Azurite) -> Desk:
    return desk_of(azurite, MANY | {"PUBLIC_BASE_URL": "https://belfry.example.com"})


def test_nothing_piles_up_behind_one_that_waits(desk: Desk) -> None:
    """Three due times and nobody decides: one asks at a time, and each is accounted for."""
    schedule = desk.schedule()
    for number in range(1, 4):
        desk.engine.later(60 if number == 1 else 6)
        desk.engine.tick()
        assert desk.work() == []
        (one,) = desk.approvals.store.pending()
        assert one.due_at == START + timedelta(seconds=60 * number)
        desk.engine.clock.advance(one.expires_at - desk.engine.clock.now())
        (ended,) = desk.work()
        assert (ended.status, ended.due_at) == (Status.SKIPPED, one.due_at)
    found = desk.engine.app.manager.get(schedule.id)
    late = [one for one in found.progress.live if one.due_at <= desk.engine.clock.now()]
    assert found.progress.skipped_count == 3 and late == []
    assert desk.approvals.page(None, ApprovalStatus.EXPIRED, 0, 9)[1] == 3
    assert desk.engine.app.ledger.reconcile(lambda: None).good


def test_a_worker_that_comes_late_still_lets_the_newer_one_ask(desk: Desk) -> None:
    """Nobody looked at the older job when its approval expired; the next occurrence comes first."""
    schedule = desk.schedule()
    desk.engine.later(60)
    desk.engine.tick()
    assert desk.work() == []
    (first,) = desk.approvals.store.pending()
    desk.engine.later(60)
    desk.engine.tick()
    desk.engine.messages()
    newer = job_id(schedule.id, first.due_at + timedelta(seconds=60))
    worker, now = desk.engine.app.worker, desk.engine.clock.now()
    assert worker.work(Message((newer,), now)) == []
    (second,) = desk.approvals.store.pending()
    assert second.job_id == newer
    assert desk.approvals.store.get(first.id).status is ApprovalStatus.SUPERSEDED
    (older,) = worker.work(Message((first.job_id,), now))
    assert (older.status, older.id) == (Status.SKIPPED, first.job_id)


def test_a_manual_run_and_a_backfill_ask_for_each_job(desk: Desk) -> None:
    since = replace(DAILY, start_time=START - timedelta(days=2))
    schedule = desk.schedule(recurrence=since)
    manual = desk.asked(schedule)
    desk.approvals.decide(manual.id, CID, Answer.APPROVE)
    assert [one.status for one in desk.work()] == [Status.SUCCEEDED]
    wish = Wish(first=START - timedelta(days=2), end=START)
    desk.engine.app.backfills.start(schedule.id, wish, by=BOB)
    desk.work()
    seen = []
    for _ in range(2):
        (one,) = desk.approvals.store.pending()
        seen.append(one.due_at)
        with pytest.raises(Forbidden):
            desk.approvals.decide(one.id, BOB, Answer.APPROVE)
        desk.approvals.decide(one.id, CID, Answer.APPROVE)
        while desk.work():
            pass
    assert sorted(seen) == [START - timedelta(days=2), START - timedelta(days=1)]
    assert len(desk.outside.sent) == 3


def test_a_schedule_that_changes_while_it_waits_asks_anew(desk: Desk) -> None:
    schedule = desk.schedule(recurrence=DAILY)
    first = desk.asked(schedule)
    desk.engine.app.manager.change(
        schedule.id,
        lambda one: replace(
            one, definition=replace(one.definition, task_parameters={"text": "Another"})
        ),
        by=CID,
    )
    dan = replace(CID, name="dan@example.com", key_id="dan")
    desk.approvals.decide(first.id, dan, Answer.APPROVE)
    assert desk.work() == [] and desk.outside.sent == []
    second = desk.of(first.job_id)
    assert (second.id != first.id, second.preview.text) == (True, "Another")
    with pytest.raises(Forbidden):
        desk.approvals.decide(second.id, CID, Answer.APPROVE)  # it edited it
    desk.approvals.decide(second.id, dan, Answer.APPROVE)
    assert [one.status for one in desk.work()] == [Status.SUCCEEDED]


def test_turned_off_or_deleted_while_it_waits(desk: Desk) -> None:
    """Turned off, it starts nothing new; what was asked for can still be decided. Deleted, it
    cannot."""
    off, gone = desk.schedule(recurrence=DAILY), desk.schedule(recurrence=DAILY)
    first, second = desk.asked(off), desk.asked(gone)
    desk.engine.app.manager.enable(off.id, False, by=ANN)
    desk.engine.app.manager.delete(gone.id, by=ANN)
    assert desk.ask("GET", f"/api/approvals/{second.id}").json()["status"] == "superseded"
    with pytest.raises(Conflict, match="cancelled, or has ended"):
        desk.approvals.decide(second.id, CID, Answer.APPROVE)
    desk.approvals.decide(first.id, CID, Answer.APPROVE)
    assert [one.id for one in desk.work() if one.status is Status.SUCCEEDED] == [first.job_id]
    assert desk.outside.sent == [first.job_id] and desk.engine.app.manager.job(second.job_id).status


def test_the_weekly_report_and_the_health_summary_count_them(desk: Desk) -> None:
    def asked(seconds: float, answer: Answer | None) -> None:
        one = desk.asked(desk.schedule(recurrence=DAILY))
        desk.engine.later(seconds)
        if answer is not None:
            desk.approvals.decide(one.id, CID, answer)

    asked(10, Answer.APPROVE)
    asked(20, Answer.APPROVE)
    asked(90, Answer.REJECT)
    asked(0, None)
    oldest = desk.engine.clock.now()
    asked(5, None)
    app = desk.engine.app
    summary = app.health_summary().summary().found.approvals.value
    assert summary is not None and summary.count == 2
    assert summary.oldest_at == oldest.replace(microsecond=0)
    desk.engine.later(86_400)
    desk.upkeep()
    (section,) = [one for one in app.weekly()._sections if one.name == "approvals"]
    monday = START.date() - timedelta(days=START.weekday())
    weeks = [Week(monday - timedelta(days=7)), Week(monday)]
    (said,) = section.say(weeks, lambda: None).weeks.values()
    assert said == {
        "approvals.asked": 5,
        "approvals.approved": 2,
        "approvals.rejected": 1,
        "approvals.expired": 2,
        "approvals.median_wait_seconds": 20,
    }
    (before,) = section.say(weeks[:1], lambda: None).weeks.values()
    assert (before["approvals.asked"], before["approvals.median_wait_seconds"]) == (0, None)


def test_a_text_of_100_kb_is_told_shown_and_decided(desk: Desk) -> None:
    text = "<b>żółw & co</b>\n" * 6_000
    desk.outside.text = text
    waiting = desk.asked(desk.schedule(recurrence=DAILY))
    mails = desk.engine.app.notifications().page(None, "mail", 1, 9)[0]
    assert len(mails) == 2 and all(len(one.text) < 10_000 for one in mails)
    link = desk.link(waiting, CID.name)
    page = desk.ask("GET", link)
    assert page.text.count("&lt;b&gt;żółw &amp; co") >= 6_000 and "<b>" not in page.text
    assert page.headers["x-frame-options"] == "DENY"
    assert desk.click(link, "approve", page.text).status_code == 200
    assert [one.status for one in desk.work()] == [Status.SUCCEEDED]


def test_what_cannot_be_shown_is_not_run(desk: Desk) -> None:
    """A preview that raises, and one that is too long: the job fails, and says why."""
    desk.outside.blind = True
    failed = desk.run(desk.schedule(recurrence=DAILY, max_attempts=1))
    assert "no preview" in str(desk.job(failed).error)
    desk.outside.blind = False
    desk.outside.text = "ż" * 70_000  # in ASCII six times as long
    job = desk.job(desk.run(desk.schedule(recurrence=DAILY, max_attempts=1)))
    assert job.status is Status.FAILED and "characters to show" in str(job.error)
    assert desk.outside.sent == [] and list(desk.approvals.store.pending()) == []


def test_two_links_of_two_persons_and_a_chat_that_reads_along(azurite: Azurite) -> None:
    desk = desk_of(azurite, MANY | {"APPROVALS_TWO_PERSONS": "sends"})
    waiting = desk.asked(desk.schedule(recurrence=DAILY, project_id=1))
    links = [desk.link(waiting, f"{name}@example.com") for name in ("cid", "dan")]
    page = desk.ask("GET", links[0]).text
    assert desk.click(links[0], "approve", page).status_code == 200
    assert desk.click(links[0], "approve", page).status_code == 200  # the same person again
    assert desk.approvals.store.get(waiting.id).pending
    chat = desk.link(waiting, "")
    assert "<form" not in desk.ask("GET", chat).text
    assert desk.click(chat, "approve", desk.ask("GET", links[1]).text).status_code == 403
    assert desk.click(links[1], "approve", desk.ask("GET", links[1]).text).status_code == 200
    assert [one.status for one in desk.work()] == [Status.SUCCEEDED]
