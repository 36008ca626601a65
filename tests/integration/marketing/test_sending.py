"""An approved campaign is sent to its list, once to each, and to nobody else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import delete

from shared.data.database import writing
from shared.data.models import CampaignRecipient, CampaignState, Part
from shared.engine.work.waking import Waking
from shared.errors import Held, Invalid, Refused, Skipped
from shared.marketing import sending
from shared.marketing.campaigns import Stored
from shared.schedules.job import Status
from shared.schedules.model import LiveJob, Schedule
from shared.storage.queues.jobs import Message
from shared.tasks import Params, Task
from tests.integration.marketing.shop import DAY, LATE, NOW, WEEK, Shop


def test_it_goes_to_the_list_by_the_rules_of_messages(shop: Shop) -> None:
    shop.owners(60, *LATE)
    shop.cycle()
    campaign = shop.campaign()
    written = shop.part(Part.WRITTEN_TO)
    shop.owners(10, *LATE)  # who is at risk since, too
    shop.change(written[:3], sms_opted_in=False)
    shop.visits(written[3:5], NOW + 9 * DAY)
    shop.clock.set(NOW + DAY)
    result = shop.send()
    assert result["recipients"] == len(written)
    assert result["messages"] == {"skipped": 5, "kept": len(written) - 5}
    assert sum(count for why, count in shop.told().items() if why.startswith("skipped")) == 5
    assert sum(shop.told().values()) == len(written), "and nobody who was held out"
    assert result["reasons"]["the owner came or booked since the campaign was proposed"] == 2
    after = shop.campaign()
    assert (after.state, after.started_at) == (CampaignState.SENT, NOW + DAY)
    assert shop.send(campaign) == result, "a job that is run again sends nothing"
    assert sum(shop.told().values()) == len(written)


def test_killed_in_the_middle_it_tells_nobody_twice(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.owners(60, *LATE)
    shop.cycle()
    monkeypatch.setattr(sending, "_PAGE", 10)
    real, pages = sending._note, []

    def killed(*words: Any) -> None:
        pages.append(1)
        if len(pages) == 3:  # what it asked for is not written down
            raise KeyboardInterrupt
        real(*words)

    monkeypatch.setattr(sending, "_note", killed)
    with pytest.raises(KeyboardInterrupt):
        shop.send()
    assert shop.campaign().state is CampaignState.SENDING
    shop.clock.set(NOW + 8 * DAY)  # what was begun may end later
    shop.send()
    assert sum(shop.told().values()) == len(shop.part(Part.WRITTEN_TO))


def test_another_list_than_the_approved_one_is_not_sent(shop: Shop) -> None:
    shop.owners(40, *LATE)
    shop.cycle()
    campaign = shop.campaign()
    with pytest.raises(Refused, match="not the one that was approved"):
        shop.marketing.send(shop.job(), campaign.id, "0" * 64)
    with pytest.raises(Invalid, match="digest"):
        shop.marketing.check(campaign.id, "0" * 64)
    gone = shop.part(Part.WRITTEN_TO)[0]
    with writing(shop.url) as session:
        session.execute(delete(CampaignRecipient).where(CampaignRecipient.owner_id == gone))
    for act in (shop.marketing.send, shop.marketing.preview):
        with pytest.raises(Refused, match="not the one that was approved"):
            act(shop.job(), campaign.id, str(campaign.digest))
    assert shop.told() == {}


def test_it_is_not_begun_when_its_time_is_over_or_it_is_closed(shop: Shop) -> None:
    shop.owners(40, *LATE)
    shop.cycle()
    old = shop.campaign()
    shop.clock.set(NOW + WEEK)
    with pytest.raises(Skipped, match="was to begin before"):
        shop.send(old)
    shop.cycle(NOW + WEEK)
    with pytest.raises(Skipped, match="closed: superseded"):
        shop.send(old)
    with pytest.raises(Skipped, match="no campaign 999"):
        shop.marketing.send(shop.job(), 999, "0" * 64)
    assert shop.told() == {}


def test_the_preview_shows_exactly_what_will_happen(shop: Shop) -> None:
    shop.owners(60, *LATE)
    german = shop.owners(1, *LATE, language="de-AT")
    shop.cycle()
    campaign = shop.campaign()
    written = shop.part(Part.WRITTEN_TO)

    def preview(one: Stored) -> Any:
        return shop.marketing.preview(shop.job(), one.id, str(one.digest))

    shown = preview(campaign)
    assert shown.title == f"Text message to {len(written)} owners of Łapka"
    assert shown.recipient_count == len(written) and len(shown.recipients) == 20
    assert shown.recipients[0] == f"owner {written[0]} (...{written[0] % 100:02})"
    assert shown.digest == campaign.digest and shown.target == "sms"
    english = len(written) - (german[0] in written)
    assert f"[en: {english}] Łapka: it has been a while" in shown.text
    assert ("[de: 1] Łapka: Ihr letzter" in shown.text) == (german[0] in written)
    assert shown.amount.endswith(" USD at most, estimated")
    assert "regulars have not come" in shown.facts["why"]
    shop.send()
    assert preview(shop.campaign()) == shown, "the same for a later attempt"


@dataclass
class Door:
    """A gate that a person opens."""

    open: bool = False
    asked: list[str] = field(default_factory=list)

    def ask(self, schedule: Schedule, live: LiveJob, task: Task, params: Params) -> None:
        del schedule, params
        self.asked.append(f"{task.name} {live.id}")
        if not self.open:
            raise Held(NOW + WEEK, "waits for a person")


def test_its_job_waits_for_a_person(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.owners(40, *LATE)
    shop.cycle()
    door, app = Door(), shop.app
    monkeypatch.setattr(app.executor, "_gate", door)
    job_id = shop.campaign().job_id
    app.worker.work(Message((job_id,), shop.clock.now()))
    assert (shop.campaign().state, shop.told()) == (CampaignState.PROPOSED, {})
    door.open = True
    shop.clock.set(NOW + 3 * DAY)
    Waking(app.table, app.queue, shop.clock).wake(job_id)
    (job,) = app.worker.work(Message((job_id,), shop.clock.now()))
    assert (job.status, job.attempt) == (Status.SUCCEEDED, 1)
    assert door.asked == 2 * [f"campaign_send {job_id}"]
    assert shop.campaign().state is CampaignState.SENT
    assert sum(shop.told().values()) == len(shop.part(Part.WRITTEN_TO))
