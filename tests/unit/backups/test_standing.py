"""How a source stands, in figures and in a sentence."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.backups.model import Outcome, Report, Summary
from shared.backups.status.recovery import SLACK, Standing, ago, in_words, standing
from shared.recurrence import Frequency, Recurrence, next_run
from tests.unit.backups.test_model import manifest

SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


NOW = at("2026-11-20 09:00")
LONG_AGO = at("2026-01-01")
NIGHT = at("2026-11-20 03:00")


def nightly(zone: str = "UTC") -> Recurrence:
    return Recurrence(frequency=Frequency.CRON, cron_expression="0 3 * * *", timezone=zone)


def good(started: datetime, took: timedelta = 5 * MINUTE) -> Summary:
    return manifest(started_at=started, finished_at=started + took).summary


def proof(when: datetime, seconds: float | None = 134.0) -> Report:
    return Report(
        backup_id="a1",
        outcome=Outcome.VERIFIED,
        at=when,
        job_id="job",
        how="restored",
        restore_seconds=seconds,
    )


def stands(
    last_good: Summary | None,
    report: Report | None = None,
    *,
    recurrence: Recurrence | None = None,
    on: bool = True,
    since: datetime = LONG_AGO,
    now: datetime = NOW,
    database: str = "shop",
    scope: str = "",
    gone_at: datetime | None = None,
) -> Standing:
    return standing(
        source="postgres",
        database=database,
        scope=scope,
        schedule_id="s1",
        name="Nightly",
        last_good=last_good,
        report=report,
        recurrence=recurrence or nightly(),
        on=on,
        since=since,
        now=now,
        gone_at=gone_at,
        seconds=report.restore_seconds if report is not None else None,
    )


def test_a_good_one_of_this_night() -> None:
    last = good(NIGHT + 7 * SECOND)
    found = stands(last, proof(NIGHT + 8 * MINUTE))
    assert found == Standing(
        source="postgres",
        database="shop",
        scope="",
        schedule_id="s1",
        name="Nightly",
        last_good=last,
        restore_seconds=134.0,
        age_seconds=6 * 3600 - 7,
        expected_by=NIGHT + DAY,
        too_old=False,
        sentence="You can be back to 03:00 in 2 min 14 s, proved 5 h ago",
    )


@pytest.mark.parametrize(
    ("now", "too_old"),
    [(NIGHT + DAY + SLACK, False), (NIGHT + DAY + SLACK + SECOND, True)],
)
def test_it_is_too_old_once_the_next_is_overdue(now: datetime, too_old: bool) -> None:
    found = stands(good(NIGHT), proof(NIGHT), now=now)
    assert found.too_old is too_old
    assert found.expected_by == NIGHT + DAY
    missing = ", and the backup that was due at 2026-11-21 03:00 UTC is missing"
    expected = "You can be back to yesterday 03:00 in 2 min 14 s, proved 1 day ago"
    assert found.sentence == expected + (missing if too_old else "")


def test_the_one_that_is_missing_is_the_first_that_was_due() -> None:
    found = stands(good(NIGHT), proof(NIGHT), now=NIGHT + 9 * DAY)
    assert found.expected_by == NIGHT + DAY
    assert found.sentence.startswith("You can be back to 2026-11-20 03:00 in")


def test_a_plan_that_is_off_owes_none() -> None:
    found = stands(good(NIGHT), proof(NIGHT), on=False, now=NIGHT + 90 * DAY)
    assert (found.too_old, found.expected_by) == (False, None)
    assert found.sentence.endswith("proved 90 days ago")
    assert stands(None, on=False).too_old is False


def test_one_that_is_gone_owes_none() -> None:
    last = good(NIGHT - 9 * DAY)
    found = stands(last, proof(NIGHT - 9 * DAY), gone_at=NIGHT)
    assert (found.too_old, found.expected_by, found.gone_at) == (False, None, NIGHT)
    assert found.sentence == (
        "You can be back to 2026-11-11 03:00 in 2 min 14 s, proved 9 days ago; shop was not found "
        "in postgres any more (03:00), and this is its last backup"
    )
    found = stands(None, gone_at=NIGHT - DAY, recurrence=nightly("Europe/Berlin"))
    assert found.too_old is False
    assert found.sentence == (
        "There is no proved backup of postgres/shop by this plan; do not rely on one; shop was "
        "not found in postgres any more (yesterday 04:00 Europe/Berlin)"
    )


def test_a_plan_that_has_ended_owes_none() -> None:
    ended = Recurrence(frequency=Frequency.DAILY, end_time=NIGHT)
    found = stands(good(NIGHT), proof(NIGHT), recurrence=ended, now=NIGHT + 90 * DAY)
    assert (found.too_old, found.expected_by) == (False, None)


@pytest.mark.parametrize(
    ("now", "too_old"), [(NIGHT + SLACK, False), (NIGHT + SLACK + SECOND, True)]
)
def test_a_plan_that_never_had_one_owes_its_first(now: datetime, too_old: bool) -> None:
    found = stands(None, since=NIGHT - 12 * 60 * MINUTE, now=now)
    assert (found.too_old, found.expected_by) == (too_old, NIGHT)
    assert (found.last_good, found.age_seconds) == (None, None)
    assert found.sentence == (
        "There is no proved backup of postgres/shop by this plan; do not rely on one"
    )


def test_a_source_is_named_as_far_as_it_is_known() -> None:
    assert "backup of postgres by this plan;" in stands(None, database="").sentence
    part = stands(None, scope="schemas a, b").sentence
    assert "backup of postgres/shop (schemas a, b) by this plan;" in part


@pytest.mark.parametrize(
    ("started", "took"),
    [
        pytest.param(NIGHT - SECOND, SECOND, id="the worker's clock is behind the engine's"),
        pytest.param(NIGHT - 3 * MINUTE, MINUTE, id="its end is less than two minutes ago"),
        pytest.param(NIGHT - 60 * MINUTE, 90 * MINUTE, id="it was under way"),
    ],
)
def test_one_that_was_due_while_it_was_taken_is_not_missing(
    started: datetime, took: timedelta
) -> None:
    assert stands(good(started, took)).expected_by == NIGHT + DAY


def test_one_that_was_due_after_it_is_missing() -> None:
    assert stands(good(NIGHT - 3 * MINUTE, MINUTE - SECOND)).expected_by == NIGHT


def test_without_a_time_of_the_restore_none_is_told() -> None:
    assert stands(good(NIGHT), proof(NIGHT, None)).sentence == (
        "You can be back to 03:00, proved 6 h ago"
    )
    assert stands(good(NIGHT)).sentence == "You can be back to 03:00"


@pytest.mark.parametrize(
    ("started", "now", "zone", "said"),
    [
        ("2026-11-20 03:00", "2026-11-20 03:00", "UTC", "03:00"),
        ("2026-11-20 23:59:59", "2026-11-21 00:00", "UTC", "yesterday 23:59"),
        ("2026-11-20 00:00", "2026-11-21 23:59:59", "UTC", "yesterday 00:00"),
        ("2026-11-18 03:00", "2026-11-20 00:00", "UTC", "2026-11-18 03:00"),
        ("2026-11-20 23:30", "2026-11-21 00:30", "Europe/Berlin", "00:30"),
        ("2026-11-20 22:30", "2026-11-20 23:30", "Europe/Berlin", "yesterday 23:30"),
        # Clocks go forward on 29 March, and back on 25 October: that day has 25 hours.
        ("2026-03-29 01:00", "2026-03-29 01:30", "Europe/Berlin", "03:00"),
        ("2026-03-28 22:59", "2026-03-29 21:59", "Europe/Berlin", "yesterday 23:59"),
        ("2026-10-24 22:00", "2026-10-25 22:59", "Europe/Berlin", "00:00"),
        ("2026-10-25 01:30", "2026-10-25 02:00", "Europe/Berlin", "02:30"),
    ],
)
def test_the_day_is_told_by_the_clocks_of_the_plan(
    started: str, now: str, zone: str, said: str
) -> None:
    found = stands(good(at(started)), recurrence=nightly(zone), on=False, now=at(now))
    named = "" if zone == "UTC" else f" {zone}"
    assert found.sentence == f"You can be back to {said}{named}"


def test_a_time_of_another_zone_names_it_within_the_sentence() -> None:
    found = stands(good(NIGHT), proof(NIGHT), recurrence=nightly("Europe/Berlin"))
    assert found.sentence == (
        "You can be back to 04:00 Europe/Berlin in 2 min 14 s, proved 6 h ago"
    )


@pytest.mark.parametrize(
    ("last", "due", "shown"),
    [
        # 02:30 is skipped on 29 March, and runs at the end of the gap.
        ("2026-03-28 01:30", "2026-03-29 01:00", "2026-03-29 03:00"),
        ("2026-03-29 01:00", "2026-03-30 00:30", "2026-03-30 02:30"),
        # 02:30 comes twice on 25 October, and runs the first time only.
        ("2026-10-24 00:30", "2026-10-25 00:30", "2026-10-25 02:30"),
        ("2026-10-25 00:30", "2026-10-26 01:30", "2026-10-26 02:30"),
    ],
)
def test_what_is_due_follows_the_clocks_of_the_plan(last: str, due: str, shown: str) -> None:
    recurrence = Recurrence(
        frequency=Frequency.CRON, cron_expression="30 2 * * *", timezone="Europe/Berlin"
    )
    on_time = stands(good(at(last)), recurrence=recurrence, now=at(due) + SLACK)
    assert (on_time.expected_by, on_time.too_old) == (at(due), False)
    late = stands(good(at(last)), recurrence=recurrence, now=at(due) + SLACK + SECOND)
    assert late.too_old
    assert late.sentence.endswith(f"due at {shown} Europe/Berlin is missing")


def test_a_clock_that_went_back_a_little_makes_it_new() -> None:
    found = stands(good(NIGHT), proof(NIGHT + MINUTE), now=NIGHT - SLACK)
    assert (found.age_seconds, found.too_old) == (0.0, False)
    assert found.sentence == "You can be back to 03:00 in 2 min 14 s, proved just now"


def test_one_proved_again_is_no_newer_for_it() -> None:
    found = stands(good(NIGHT), proof(NOW - 6 * MINUTE))
    assert found.age_seconds == 6 * 3600
    assert found.sentence == "You can be back to 03:00 in 2 min 14 s, proved 6 min ago"


@pytest.mark.parametrize(("more", "too_old"), [(timedelta(0), False), (SECOND, True)])
def test_how_far_ahead_a_clock_may_have_been(more: timedelta, too_old: bool) -> None:
    found = stands(good(NOW + SLACK + more))
    assert found.too_old is too_old
    assert (found.expected_by is None) is too_old


def test_one_from_far_ahead_does_not_keep_the_alert_quiet() -> None:
    """Else a worker whose clock said 2031 once would silence it for years."""
    far = at("2031-01-01 03:00")
    found = stands(good(far), proof(far))
    assert (found.age_seconds, found.too_old, found.expected_by) == (0.0, True, None)
    assert found.sentence == (
        "You can be back to 2031-01-01 03:00 in 2 min 14 s, proved just now, "
        "but a clock was wrong: it is not known how old that is"
    )
    assert stands(good(far), proof(far), on=False).too_old is False


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "1 s"),
        (0.2, "1 s"),
        (44.1, "45 s"),
        (59, "59 s"),
        (59.1, "1 min 00 s"),
        (134, "2 min 14 s"),
        (3599, "59 min 59 s"),
        (3599.5, "1 h 00 min"),
        (3600, "1 h 00 min"),
        (3601, "1 h 01 min"),
        (3900, "1 h 05 min"),
        (100 * 3600, "100 h 00 min"),
    ],
)
def test_a_duration_in_words(seconds: float, said: str) -> None:
    assert in_words(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "just now"),
        (59.9, "just now"),
        (60, "1 min ago"),
        (3599, "59 min ago"),
        (3600, "1 h ago"),
        (6 * 3600, "6 h ago"),
        (86399, "23 h ago"),
        (86400, "1 day ago"),
        (3 * 86400 + 80000, "3 days ago"),
    ],
)
def test_an_age_in_words(seconds: float, said: str) -> None:
    assert ago(seconds) == said


def read(words: str) -> float:
    """The seconds that words say."""
    units = {"s": 1, "min": 60, "h": 3600, "day": 86400, "days": 86400}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+) (\w+)", words))


@given(st.floats(0.001, 10**7))
def test_a_duration_never_promises_less_than_it_took(seconds: float) -> None:
    said = read(in_words(seconds))
    assert seconds <= said < seconds + (60 if said >= 3600 else 1)


@given(st.floats(0, 10**8))
def test_an_age_is_what_has_passed_for_certain(seconds: float) -> None:
    said = read(ago(seconds))
    step = 86400 if said >= 86400 else 3600 if said >= 3600 else 60
    assert said <= seconds < said + step


instants = st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))
recurrences = st.builds(
    lambda minute, hour, day, zone: Recurrence(
        frequency=Frequency.CRON, cron_expression=f"{minute} {hour} * * {day}", timezone=zone
    ),
    st.integers(0, 59),
    st.sampled_from(["*", "*/6", "2", "3", "23"]),
    st.sampled_from(["*", "0", "1-5"]),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
)


@given(instants, recurrences, st.timedeltas(timedelta(0), 30 * DAY), st.booleans())
def test_it_is_too_old_exactly_if_an_occurrence_is_overdue(
    started: datetime, recurrence: Recurrence, passed: timedelta, proved: bool
) -> None:
    last = good(started, timedelta(0)) if proved else None
    begin = started + 2 * MINUTE if proved else started
    found = stands(last, recurrence=recurrence, since=started, now=started + passed)
    due = next_run(recurrence, begin)
    assert due is not None
    assert found.expected_by == due
    assert found.too_old is (due < started + passed - SLACK)
    assert ("is missing" in found.sentence) is (found.too_old and proved)


@given(instants, instants, recurrences, st.booleans())
def test_one_that_is_too_old_stays_so_as_time_passes(
    started: datetime, now: datetime, recurrence: Recurrence, proved: bool
) -> None:
    last = good(started) if proved else None
    found = stands(last, recurrence=recurrence, since=started, now=now)
    assert found.age_seconds is None or found.age_seconds >= 0
    if found.too_old and found.expected_by is not None:
        later = stands(last, recurrence=recurrence, since=started, now=now + DAY)
        assert later.too_old
        assert later.expected_by == found.expected_by
