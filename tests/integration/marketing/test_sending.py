"""An approved campaign is sent to its list, once to each, and to nobody else."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import delete

from shared.access import Caller, Role
from shared.approvals.model import Answer, Approval
from shared.data.database import writing
from shared.data.models import CampaignRecipient, CampaignState, Part
from shared.errors import Invalid, Refused, Skipped
from shared.marketing import campaigns, sending
from shared.marketing.campaigns import Stored
from shared.schedules.job import Status
from shared.storage.queues.jobs import Message
from tests.integration.marketing.shop import DAY, LATE, NOW, WEEK, Shop

CID = Caller(name="cid@example.com", role=Role.OPERATOR, key_id="cid")


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


def _asked(shop: Shop) -> Approval:
    """What the newest campaign's job asks a person, after it came due once more."""
    shop.app.worker.work(Message((shop.campaign().job_id,), shop.clock.now()))
    (found,) = shop.app.approvals().store.pending()
    return found


def test_a_person_approves_the_frozen_list(shop: Shop) -> None:
    shop.owners(40, *LATE)
    shop.cycle()
    app, campaign, listed = shop.app, shop.campaign(), shop.part(Part.WRITTEN_TO)
    asked = _asked(shop)
    assert (shop.campaign().state, shop.told()) == (CampaignState.PROPOSED, {})
    assert asked.preview.recipient_count == len(listed)
    assert (asked.preview.digest, asked.job_id) == (campaign.digest, campaign.job_id)
    shop.owners(10, *LATE)  # who came to be at risk since is in no list
    shop.clock.set(NOW + 3 * DAY)
    app.approvals().decide(asked.id, CID, Answer.APPROVE, shown=asked.digest)
    (job,) = app.worker.work(Message((campaign.job_id,), shop.clock.now()))
    assert (job.status, job.attempt) == (Status.SUCCEEDED, 1)
    assert shop.campaign().state is CampaignState.SENT
    assert shop.part(Part.WRITTEN_TO) == listed
    assert sum(shop.told().values()) == len(listed)


def test_a_rejected_campaign_sends_nothing_and_is_written_down(shop: Shop) -> None:
    shop.owners(40, *LATE)
    shop.cycle()
    app, old = shop.app, shop.campaign()
    asked = _asked(shop)
    app.approvals().decide(asked.id, CID, Answer.REJECT, reason="Not before the holidays")
    (job,) = app.worker.work(Message((old.job_id,), shop.clock.now()))
    assert job.status is Status.SKIPPED and "Not before the holidays" in str(job.reason)
    assert shop.told() == {}
    shop.cycle(NOW + WEEK)
    after = campaigns.get(shop.url, old.id)
    assert after.state is CampaignState.CLOSED and after.id != shop.campaign().id
    assert "approval_rejected" in str(after.reason) and "the holidays" in str(after.reason)
    assert shop.told() == {} and shop.part(Part.WRITTEN_TO) != []
