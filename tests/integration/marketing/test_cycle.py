"""The cycle: its figures, what it proposes, and that it does so once."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import update

from shared.data.database import writing
from shared.data.models import (
    Appointment,
    AppointmentStatus,
    Campaign,
    CampaignRecipient,
    CampaignState,
    MarketingCycle,
    Part,
    UsageDay,
)
from shared.errors import NotFound
from shared.marketing import campaigns, freezing, reading
from shared.recurrence import zone
from shared.schedules.job import Status
from tests.integration.marketing.shop import DAY, LATE, NOW, WEEK, Shop

WARSAW = zone.find("Europe/Warsaw")


def test_the_figures(shop: Shop) -> None:
    shop.owners(3, *LATE)  # at risk
    shop.owners(2, *LATE, -5)  # the same, with an appointment
    shop.owners(1, 700, 690, 680)  # lost: the shortest interval is two weeks
    shop.owners(4, 62, 34, 6)  # regulars, last week
    shop.owners(5, 20, phone=None)
    shop.owners(1, 41, sms_opted_in=False)
    same_day = shop.owners(1, 100, 100.1)  # two pets on one day are one visit
    shop.visits(
        same_day, NOW - 8 * DAY, status=AppointmentStatus.CANCELLED, booked_at=NOW - 9 * DAY
    )
    shop.visits([same_day[0]], NOW - 50 * DAY, status=AppointmentStatus.NO_SHOW)
    with writing(shop.url) as session:
        days = [(NOW - ago * DAY).date() for ago in (0, 1, 7, 8)]  # this week, last, last, before
        session.add_all(
            [UsageDay(tenant_id=1, counter="logins", day=day, value=5) for day in days]
            + [UsageDay(tenant_id=1, counter="api_calls", day=days[1], value=99)]
        )
    found = reading.figures(shop.url, 1, WARSAW, NOW)
    assert (found.owners, found.reachable) == (18, 12)
    assert (found.regulars, found.at_risk, found.lost) == (10, 4, 1)
    #                             41 d   34 d      20 d   9 d  6 d
    assert found.active_by_week == (4, 0, 0, 1, 4, 0, 5, 1, 4)
    assert found.logins_by_week == (0,) * 7 + (5, 10)
    assert [one.month for one in found.cohorts] == [f"2026-{n:02}" for n in range(5, 12)]
    by_month = {one.month: (one.owners, one.returned, one.active) for one in found.cohorts}
    assert by_month == {
        **{f"2026-{month:02}": (0, 0, 0) for month in range(5, 12)},
        "2026-05": (5, 5, 0),
        "2026-08": (1, 0, 0),
        "2026-09": (4, 4, 4),
        "2026-10": (1, 0, 1),
        "2026-11": (5, 0, 5),
    }


def test_weeks_and_months_are_the_tenants(shop: Shop) -> None:
    """Sunday 23:30 UTC is Monday in Warsaw, and October's end there is an hour earlier."""
    shop.visits([1], datetime(2026, 11, 22, 22, 30, tzinfo=UTC))
    ids = shop.owners(1)
    shop.visits(ids, datetime(2026, 11, 22, 23, 30, tzinfo=UTC))
    found = reading.figures(shop.url, 1, WARSAW, NOW)
    assert found.active_by_week[-2:] == (1, 1)
    other = shop.owners(1)
    shop.visits(other, datetime(2026, 10, 31, 23, 30, tzinfo=UTC))
    months = {one.month: one.owners for one in reading.figures(shop.url, 1, WARSAW, NOW).cohorts}
    assert (months["2026-10"], months["2026-11"]) == (0, 3)


def test_it_proposes_once_and_a_newer_one_supersedes(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = shop.owners(50, *LATE)
    shop.owners(20, *LATE, phone=None)
    shop.owners(30, 62, 34, 6)
    rehearsed = shop.cycle(dry_run=True)
    assert rehearsed["would"]["propose"][0]["members"] == 50
    assert shop.rows(Campaign) == shop.rows(MarketingCycle) == []

    monkeypatch.setattr(freezing, "_PAGE", 7)
    found = shop.cycle()
    (told,) = [one for one in found["recommendations"] if one["rule"] == "churn_risk"]
    assert (told["value"], told["threshold"], told["of"]) == (0.7, 0.15, 100)
    campaign = shop.campaign()
    assert campaign.state is CampaignState.PROPOSED
    written, held = shop.part(Part.WRITTEN_TO), shop.part(Part.HELD_OUT)
    assert sorted(written + held) == late and 3 <= len(held) <= 18
    assert told["campaign"] == {
        "campaign_id": campaign.id,
        "state": "proposed",
        "job_id": campaign.job_id,
        "recipients": len(written),
        "held_out": len(held),
    }
    schedule = shop.app.manager.get(campaign.schedule_id)
    assert schedule.definition.task_parameters == {
        "campaign_id": campaign.id,
        "digest": campaign.digest,
    }
    assert [one.id for one in schedule.progress.live] == [campaign.job_id]

    before = shop.rows(Campaign), shop.rows(CampaignRecipient), shop.rows(MarketingCycle)
    shop.cycle()
    assert before == (shop.rows(Campaign), shop.rows(CampaignRecipient), shop.rows(MarketingCycle))
    assert len(shop.app.manager.get(campaign.schedule_id).progress.live) == 1

    shop.cycle(NOW + WEEK)
    newer, (old, *_) = shop.campaign(), shop.rows(Campaign)
    assert newer.id != campaign.id and newer.state is CampaignState.PROPOSED
    assert old[9:11] == ("closed", "superseded by the cycle of 2026-12-07")
    with pytest.raises(NotFound):
        shop.app.manager.get(campaign.schedule_id)
    ended = shop.app.ended.ended([campaign.job_id])[campaign.job_id]
    assert ended.status is Status.CANCELLED


def test_a_cycle_that_was_killed_goes_on(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """After some pages of the list, and between the list and its job."""
    late = shop.owners(40, *LATE)
    monkeypatch.setattr(freezing, "_PAGE", 9)
    for module, name in ((campaigns, "listed"), (shop.marketing._proposer, "ask")):
        with monkeypatch.context() as patch:
            patch.setattr(type(module) if name == "ask" else module, name, _killed)
            with pytest.raises(KeyboardInterrupt):
                shop.cycle()
    shop.cycle()
    assert sorted(shop.part(Part.WRITTEN_TO) + shop.part(Part.HELD_OUT)) == late
    assert len(shop.rows(Campaign)) == 1
    live = shop.app.manager.get(shop.campaign().schedule_id).progress.live
    assert [one.id for one in live] == [shop.campaign().job_id]


def _killed(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_nobody_is_in_two_campaigns_at_a_time(shop: Shop) -> None:
    """Who was chosen, held out or not, is left alone for four weeks."""
    shop.owners(40, *LATE)
    shop.cycle()
    shop.begin()
    shop.cycle(NOW + WEEK)
    closed = shop.campaign()
    assert (closed.state, closed.recipient_count) == (CampaignState.CLOSED, 0)
    assert closed.reason == freezing.NOBODY
    shop.cycle(NOW + 4 * WEEK)
    assert shop.campaign().state is CampaignState.PROPOSED


def test_whoever_deletes_its_schedule_says_no(shop: Shop) -> None:
    shop.owners(40, *LATE)
    shop.cycle()
    shop.app.manager.delete(shop.campaign().schedule_id)
    shop.cycle()
    campaign = shop.campaign()
    assert campaign.state is CampaignState.CLOSED and "cancelled" in str(campaign.reason)
    shop.cycle()
    assert len(shop.rows(Campaign)) == 1


def test_the_effect_is_measured_beside_who_was_held_out(shop: Shop) -> None:
    shop.owners(200, *LATE)
    shop.cycle()
    shop.begin()
    written, held = shop.part(Part.WRITTEN_TO), shop.part(Part.HELD_OUT)
    begun = shop.clock.now()
    shop.clock.set(NOW + 3 * WEEK)
    shop.visits(written[:60], begun + 2 * DAY)
    shop.visits(written[60:80], begun + 30 * DAY, booked_at=begun + 5 * DAY)
    shop.visits(held[:2], begun + 3 * DAY)
    shop.visits(held[2:], begun + 15 * DAY)  # too late
    shop.clock.set(begun)

    (early,) = shop.cycle(NOW + WEEK)["effects"]
    assert (early["final"], early["days"], early["held_out_active"]) == (False, 7, 2)
    found = shop.cycle(NOW + 2 * WEEK + DAY)
    (effect,) = found["effects"]
    assert effect["final"] and effect["days"] == 14
    assert (effect["written_to"], effect["written_to_active"]) == (len(written), 80)
    assert (effect["held_out"], effect["held_out_active"]) == (len(held), 2)
    assert effect["said"].startswith("more came: +")
    assert shop.cycle(NOW + 3 * WEEK)["effects"] == [], "it is final"


def test_a_rule_whose_campaign_did_harm_rests(shop: Shop) -> None:
    shop.owners(200, *LATE)
    shop.cycle()
    shop.begin()
    begun, held = shop.clock.now(), shop.part(Part.HELD_OUT)
    shop.clock.set(NOW + 2 * WEEK)
    shop.visits(held, begun + DAY)
    found = shop.cycle(NOW + 2 * WEEK)
    assert found["effects"][0]["said"].startswith("fewer came")
    (risk,) = [one for one in found["recommendations"] if one["rule"] == "churn_risk"]
    assert risk["campaign"] is None and "fewer came" in risk["resting"]
    found = shop.cycle(NOW + 9 * WEEK)
    (risk,) = [one for one in found["recommendations"] if one["rule"] == "churn_risk"]
    assert risk["resting"] is None


def test_a_cycle_far_back_does_not_measure_what_came_later(shop: Shop) -> None:
    shop.owners(40, *LATE)
    shop.cycle()
    shop.begin()
    assert shop.cycle(NOW - WEEK)["effects"] == []
    with writing(shop.url) as session:
        session.execute(update(Appointment).values(status=AppointmentStatus.CANCELLED))
    assert shop.cycle(NOW + WEEK)["total_regulars"] == 0
