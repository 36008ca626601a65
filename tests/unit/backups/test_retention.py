"""Retention: each rule by example, and what must hold of any row under any rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.backups.params import RULES, Retention
from shared.backups.rules.retention import Held, Verdict, decide

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)

Row = list[Held]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def held(text: str, *, verified: bool = True, suspicious: bool = False) -> Held:
    """A backup whose id is its time."""
    return Held(id=text, started_at=at(text), verified=verified, suspicious=suspicious)


def kept(verdicts: Iterable[Verdict]) -> list[str]:
    return [one.id for one in verdicts if one.keep]


def why(verdicts: Iterable[Verdict], which: str) -> tuple[str, ...]:
    return next(one.reasons for one in verdicts if one.id == which)


def daily(count: int, last: datetime = NOW) -> Row:
    return [
        Held(id=f"{last - DAY * n:%Y-%m-%d}", started_at=last - DAY * n, verified=True)
        for n in range(count)
    ]


# Examples


def test_days_keep_what_is_younger_and_not_what_is_as_old() -> None:
    row = [
        held("2026-11-20T03:00"),
        held("2026-10-21T12:00:00.000001"),
        held("2026-10-21T12:00"),
    ]
    verdicts = decide(row, Retention(days=30), NOW)
    assert [(one.id, one.keep) for one in verdicts] == [
        ("2026-11-20T03:00", True),
        ("2026-10-21T12:00:00.000001", True),
        ("2026-10-21T12:00", False),
    ]
    assert verdicts[0].reasons == ("days: younger than 30 days", "the last verified one")
    assert verdicts[2].reasons == ("nothing keeps it: older than 30 days",)


def test_count_keeps_the_newest_that_are_verified() -> None:
    row = [
        held("2026-11-20T03:00", verified=False),
        held("2026-11-19T03:00"),
        held("2026-11-18T03:00"),
        held("2026-11-17T03:00"),
    ]
    verdicts = decide(row, Retention(count=2), NOW)
    assert kept(verdicts) == ["2026-11-20T03:00", "2026-11-19T03:00", "2026-11-18T03:00"]
    assert why(verdicts, "2026-11-18T03:00") == ("count: among the newest 2",)
    assert why(verdicts, "2026-11-17T03:00") == ("nothing keeps it: not among the newest 2",)


@pytest.mark.parametrize(
    ("rule", "row", "expected", "reason"),
    [
        pytest.param(
            "hourly",
            ["2026-11-20T03:59:59", "2026-11-20T03:00", "2026-11-20T02:59", "2026-11-18T02:00"],
            ["2026-11-20T03:59:59", "2026-11-20T02:59"],
            "hourly: the newest of 2026-11-20 02:00",
            id="hours",
        ),
        pytest.param(
            "daily",
            ["2026-11-20T03:00", "2026-11-20T00:00", "2026-11-12T23:59", "2026-11-11T03:00"],
            ["2026-11-20T03:00", "2026-11-12T23:59"],
            "daily: the newest of 2026-11-12",
            id="days that have one",
        ),
        pytest.param(
            "weekly",
            ["2026-01-04T03:00", "2026-01-01T03:00", "2025-12-29T03:00", "2025-12-28T03:00"],
            ["2026-01-04T03:00", "2025-12-28T03:00"],
            "weekly: the newest of 2025-W52",
            id="ISO weeks, which the new year does not cut",
        ),
        pytest.param(
            "monthly",
            ["2026-11-01T00:00", "2026-10-31T23:59", "2026-10-01T03:00", "2026-09-30T03:00"],
            ["2026-11-01T00:00", "2026-10-31T23:59"],
            "monthly: the newest of 2026-10",
            id="months",
        ),
        pytest.param(
            "yearly",
            ["2026-01-01T00:00", "2025-12-31T23:59", "2025-01-01T03:00", "2020-06-01T03:00"],
            ["2026-01-01T00:00", "2025-12-31T23:59"],
            "yearly: the newest of 2025",
            id="years",
        ),
    ],
)
def test_a_generation_keeps_the_newest_of_each(
    rule: str, row: list[str], expected: list[str], reason: str
) -> None:
    verdicts = decide([held(text) for text in row], Retention.model_validate({rule: 2}), NOW)
    assert kept(verdicts) == expected
    assert why(verdicts, expected[1]) == (reason,)


def test_the_day_is_the_one_in_utc() -> None:
    late = datetime(2026, 11, 18, 23, 30, tzinfo=timezone(timedelta(hours=-5)))
    row = [held("2026-11-19T03:00"), Held(id="late", started_at=late, verified=True)]
    assert why(decide(row, Retention(daily=2), NOW), "late") == (
        "daily: the newest of 2026-11-19",
        "the last verified one",
    )


def test_every_reason_is_told() -> None:
    row = daily(2)
    rules = Retention(days=1, count=1, hourly=1, daily=1, weekly=1, monthly=1, yearly=1)
    first, second = decide(row, rules, NOW)
    assert first.reasons == (
        "days: younger than 1 day",
        "count: among the newest 1",
        "hourly: the newest of 2026-11-20 12:00",
        "daily: the newest of 2026-11-20",
        "weekly: the newest of 2026-W47",
        "monthly: the newest of 2026-11",
        "yearly: the newest of 2026",
        "the last verified one",
    )
    assert second.reasons == (
        "nothing keeps it: older than 1 day, not among the newest 1, "
        "not the newest of the last hour, not the newest of the last day, "
        "not the newest of the last week, not the newest of the last month, "
        "not the newest of the last year",
    )


@pytest.mark.parametrize(
    ("text", "newer", "keep", "reason"),
    [
        ("2026-11-13T12:00:01", True, True, "not verified: kept for 7 days, to be examined"),
        (
            "2026-11-13T12:00",
            True,
            False,
            "not verified for more than 7 days, and 2026-11-14T00:00 is newer and verified",
        ),
        ("2026-01-01T00:00", False, True, "not verified, and no newer one is"),
    ],
)
def test_an_unverified_one_is_kept_for_a_while_or_until_a_newer_one_is_verified(
    text: str, newer: bool, keep: bool, reason: str
) -> None:
    row = [held(text, verified=False), held("2026-11-14T00:00" if newer else "2025-12-01T00:00")]
    verdicts = decide(row, Retention(days=3650, count=10), NOW)
    assert (text in kept(verdicts)) is keep
    assert why(verdicts, text) == (reason,)


@pytest.mark.parametrize(("days", "keep"), [(6.9, True), (7, False)])
def test_an_old_one_that_is_found_damaged_is_kept_for_a_week_from_then(
    days: float, keep: bool
) -> None:
    old = "2026-01-01T00:00"
    found = replace(held(old, verified=False), damaged_at=NOW - days * DAY)
    verdicts = decide([found, held("2026-11-14T00:00")], Retention(days=3650), NOW)
    assert (old in kept(verdicts)) is keep


def test_all_are_kept_while_none_is_verified() -> None:
    row = [held(f"2020-01-0{day}T03:00", verified=False) for day in range(1, 9)]
    assert len(kept(decide(row, Retention(count=1), NOW))) == 8


def test_of_those_that_cannot_be_proved_the_newest_is_kept() -> None:
    """Though none is verified; others that are not stay as long as they did."""
    row = [
        Held(
            id=f"{day}", started_at=NOW - DAY * day, verified=day == 6, unprovable=day in (1, 2, 4)
        )
        for day in range(1, 7)
    ]
    for some in (row, row[:5]):
        verdicts = decide(some, Retention(count=1), NOW)
        assert kept(verdicts) == [one.id for one in some if one.id not in ("2", "4")]
    assert why(verdicts, "4") == ("it cannot be proved, as 1 cannot, which is newer",)
    assert not [one for one in decide(row, Retention(count=1), NOW, held="x") if not one.keep]


def test_what_was_proved_once_is_kept_by_the_rules_though_its_data_breaks_rules_by_now() -> None:
    """A CHECK on the time of day is not to cost a year of backups."""
    row = [held("2026-11-14T03:00")] + [
        replace(
            held(f"2026-{month:02}-01T03:00", verified=False), unprovable=True, proved_once=once
        )
        for month, once in ((10, True), (9, False), (8, True), (7, False), (6, True))
    ]
    verdicts = decide(row, Retention(monthly=3), NOW)
    assert kept(verdicts) == [row[0].id, row[1].id, row[3].id]
    assert why(verdicts, row[3].id) == ("monthly: the newest of 2026-08",)
    assert why(verdicts, row[5].id) == ("nothing keeps it: not the newest of the last 3 months",)
    assert kept(decide(row[3:], Retention(count=1), NOW))[0] == row[3].id


def test_the_last_verified_one_stays_behind_newer_ones_that_were_proved_once() -> None:
    newer = [
        replace(held(f"2026-11-1{day}T03:00", verified=False), unprovable=True, proved_once=True)
        for day in (3, 2)
    ]
    old = held("2026-01-01T03:00")
    assert old.id in kept(decide([*newer, old], Retention(count=1), NOW))


def test_of_two_of_one_instant_the_same_one_is_the_newest_each_time() -> None:
    one, other = (Held(id=name, started_at=NOW, verified=True) for name in "ab")
    for row in ([one, other], [other, one]):
        assert kept(decide(row, Retention(count=1), NOW)) == ["b"]


def test_a_row_without_backups_has_no_verdicts() -> None:
    assert decide([], Retention(days=1), NOW) == []


def test_held_keeps_all_and_tells_which_it_keeps() -> None:
    reason = "backup b7 is suspicious: table public.users had 3 rows and has none"
    row = [held("2026-11-20T03:00"), held("2026-11-19T03:00"), held("2026-01-01T03:00")]
    verdicts = decide(row, Retention(count=2), NOW, held=reason)
    assert [one.reasons for one in verdicts] == [
        ("count: among the newest 2", "the last verified one"),
        ("count: among the newest 2",),
        (f"held: {reason}",),
    ]
    assert all(one.keep for one in verdicts)


def test_a_suspicious_one_takes_no_others_place() -> None:
    row = [
        held("2026-11-20T09:00", suspicious=True),
        held("2026-11-20T03:00"),
        held("2026-11-19T03:00"),
    ]
    verdicts = decide(row, Retention(count=1, daily=1), NOW)
    assert [one.reasons for one in verdicts] == [
        ("count: among the newest 1", "daily: the newest of 2026-11-20", "the last verified one"),
        (
            "count: among the newest 1 that is not suspicious",
            "daily: the newest of 2026-11-20 that is not suspicious",
            "the last verified one that is not suspicious",
        ),
        ("nothing keeps it: not among the newest 1, not the newest of the last day",),
    ]


def test_one_of_the_future_is_kept_and_takes_no_others_place() -> None:
    row = [held("2031-01-01T00:00"), held("2026-11-20T03:00"), held("2026-11-19T03:00")]
    verdicts = decide(row, Retention(count=1), NOW)
    assert kept(verdicts) == ["2031-01-01T00:00", "2026-11-20T03:00"]
    assert why(verdicts, "2031-01-01T00:00") == ("it is of the future: a clock was wrong",)
    assert why(verdicts, "2026-11-20T03:00")[-1] == "the last verified one"


def test_one_of_the_future_is_no_newer_one_that_makes_an_unverified_one_needless() -> None:
    row = [held("2031-01-01T00:00"), held("2026-11-01T03:00", verified=False)]
    assert len(kept(decide(row, Retention(count=1), NOW))) == 2


def test_a_clock_far_ahead_leaves_the_last_verified_one() -> None:
    row = daily(30)
    assert kept(decide(row, Retention(days=30), NOW.replace(year=2040))) == ["2026-11-20"]


def test_a_clock_far_back_removes_nothing() -> None:
    assert len(kept(decide(daily(30), Retention(count=1), NOW.replace(year=2001)))) == 30


# Properties

instants = st.one_of(
    st.datetimes(datetime(2019, 1, 1), datetime(2027, 6, 1), timezones=st.just(UTC)),
    st.integers(-10, 24 * 60).map(lambda hours: NOW - timedelta(hours=hours)),
    st.integers(-1, 9).map(lambda days: NOW - days * DAY),  # so few that some are of one instant
)
rows = st.lists(
    st.builds(
        Held,
        id=st.uuids().map(lambda one: one.hex),
        started_at=instants,
        verified=st.booleans() | st.just(True),
        suspicious=st.sampled_from([False, False, True]),
    ),
    max_size=30,
    unique_by=lambda one: one.id,
)
retentions = st.dictionaries(st.sampled_from(RULES), st.integers(1, 40), min_size=1).map(
    Retention.model_validate
)


def ids(row: Row, retention: Retention, now: datetime = NOW) -> set[str]:
    return set(kept(decide(row, retention, now)))


def only(row: Row, which: set[str]) -> Row:
    return [one for one in row if one.id in which]


@given(rows, retentions, st.sampled_from(RULES), st.integers(1, 100))
def test_a_larger_number_or_one_rule_more_never_removes_more(
    row: Row, retention: Retention, rule: str, more: int
) -> None:
    larger = retention.model_copy(update={rule: (getattr(retention, rule) or 0) + more})
    assert ids(row, retention) <= ids(row, larger)


@given(rows, retentions)
def test_those_kept_are_kept_when_asked_again(row: Row, retention: Retention) -> None:
    left = ids(row, retention)
    assert ids(only(row, left), retention) == left


@given(rows, retentions, st.randoms(use_true_random=False))
def test_the_order_they_are_given_in_does_not_matter(
    row: Row, retention: Retention, random: Random
) -> None:
    mixed = list(row)
    random.shuffle(mixed)
    assert decide(mixed, retention, NOW) == decide(row, retention, NOW)


@given(rows, retentions)
def test_newest_first_each_once_and_each_with_a_reason(row: Row, retention: Retention) -> None:
    verdicts = decide(row, retention, NOW)
    times = {one.id: one.started_at for one in row}
    assert [times[one.id] for one in verdicts] == sorted(times.values(), reverse=True)
    assert {one.id for one in verdicts} == set(times)
    assert all(one.reasons and len(set(one.reasons)) == len(one.reasons) for one in verdicts)


@given(rows, retentions, instants)
def test_the_last_verified_one_is_kept_whatever_the_clock_says(
    row: Row, retention: Retention, now: datetime
) -> None:
    left = ids(row, retention, now)
    verified = [one for one in row if one.verified]
    for pool in (verified, [one for one in verified if not one.suspicious]):
        if pool:
            assert max(pool, key=lambda one: (one.started_at, one.id)).id in left
    assert left or not row
    if not verified:
        assert left == {one.id for one in row}


@given(rows, retentions)
def test_one_is_kept_if_any_rule_alone_keeps_it(row: Row, retention: Retention) -> None:
    each = [ids(row, Retention.model_validate({rule: n})) for rule, n in given_rules(retention)]
    assert ids(row, retention) == set[str]().union(*each)


@given(rows, retentions)
def test_an_unverified_one_more_removes_no_verified_one(row: Row, retention: Retention) -> None:
    proved = [one for one in row if one.verified]
    assert ids(proved, retention) == ids(row, retention) & {one.id for one in proved}


@given(rows, retentions, instants)
def test_a_suspicious_one_more_removes_no_other_verified_one(
    row: Row, retention: Retention, started_at: datetime
) -> None:
    row = [one for one in row if one.verified]
    one = Held(id="suspicious", started_at=started_at, verified=True, suspicious=True)
    sound = {other.id for other in row if not other.suspicious}
    assert ids(row, retention) & sound <= ids([*row, one], retention)


@given(rows, retentions)
def test_held_removes_nothing_and_changes_no_reason_to_keep(row: Row, retention: Retention) -> None:
    free, stopped = decide(row, retention, NOW), decide(row, retention, NOW, held="stop")
    assert all(one.keep for one in stopped)
    for before, after in zip(free, stopped, strict=True):
        assert after.reasons == (before.reasons if before.keep else ("held: stop",))


# Against another way of saying it


def given_rules(retention: Retention) -> list[tuple[str, int]]:
    return [(rule, n) for rule, n in retention.model_dump().items() if n is not None]


def reference(row: Row, retention: Retention) -> set[str]:
    """What restic keeps by --keep-last, --keep-hourly and so on, without its oldest one: from the
    newest back, a backup takes a place when its period is not that of the one before it."""
    periods: dict[str, Callable[[datetime], object]] = {
        "count": lambda at: at,
        "hourly": lambda at: (at.date(), at.hour),
        "daily": lambda at: at.date(),
        "weekly": lambda at: at.date() - timedelta(days=at.weekday()),
        "monthly": lambda at: (at.year, at.month),
        "yearly": lambda at: at.year,
    }
    left = dict(given_rules(retention))
    seen: dict[str, object] = {}
    found = set()
    for one in sorted(row, key=lambda one: one.started_at, reverse=True):
        for rule, period in periods.items():
            if left.get(rule, 0) > 0 and seen.get(rule) != period(one.started_at):
                seen[rule] = period(one.started_at)
                left[rule] -= 1
                found.add(one.id)
    return found


generations = st.dictionaries(st.sampled_from(RULES[1:]), st.integers(1, 14), min_size=1).map(
    Retention.model_validate
)


@given(
    st.lists(instants.filter(lambda at: at <= NOW), min_size=1, max_size=40, unique=True),
    generations,
)
def test_any_row_keeps_what_restic_would(times: list[datetime], retention: Retention) -> None:
    row = [Held(id=at.isoformat(), started_at=at, verified=True) for at in times]
    assert ids(row, retention) == reference(row, retention)


@pytest.mark.parametrize(
    ("every", "since"), [(timedelta(hours=6), "2025-10"), (DAY, "2024-01"), (5 * DAY, "2024-01")]
)
def test_as_time_passes_a_schedule_keeps_what_restic_would(every: timedelta, since: str) -> None:
    """Over more than one year, retention applied after each backup: what was removed is not missed
    later."""
    retention = Retention(hourly=3, daily=7, weekly=4, monthly=12, yearly=2)
    ours: Row = []
    theirs: Row = []
    now = at(f"{since}-01T03:00")
    while now < at("2027-01-01T00:00"):
        new = Held(id=now.isoformat(), started_at=now, verified=True)
        ours = only([*ours, new], ids([*ours, new], retention, now))
        theirs = only([*theirs, new], reference([*theirs, new], retention))
        assert ours == theirs
        now += every
    assert 14 <= len(ours) <= 28
    last = ours[-1].started_at
    months = {(one.started_at.year, one.started_at.month) for one in ours}
    assert months >= {(last.year, month) for month in range(1, last.month + 1)}
