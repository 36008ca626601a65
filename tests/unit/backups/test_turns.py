"""Whose turn it is to be proved again: each within the period, a share each day."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.backups.backup_scrub import backup_scrub
from shared.backups.model import Outcome
from shared.backups.params import ScrubOrder
from shared.backups.rules.turns import overdue, todays, turns
from shared.backups.store.entries import Backup, Copy
from shared.errors import Invalid
from tests.unit.backups.test_model import manifest
from tests.unit.backups.test_standing import DAY, NOW, proof

PERIOD = 30 * DAY


def proved(name: str, days: float, size: int = 10) -> Backup:
    """A backup with one copy, which was proved so many days ago."""
    summary = manifest(id=name, bytes=size).summary
    copy = Copy.made("primary", name, summary)
    copy.reports.append(proof(NOW - days * DAY))
    return Backup(summary, [copy])


def chosen(backups: list[Backup], now: datetime = NOW) -> list[str]:
    return [one.backup.id for one in todays(turns(backups), PERIOD, now)]


def day_by_day(backups: list[Backup], days: int) -> list[list[str]]:
    """Which are proved on each of so many days, and at once are."""
    done = []
    for number in range(days):
        now = NOW + number * DAY
        due = todays(turns(backups), PERIOD, now)
        for one in due:
            one.copy.reports.append(proof(now))
        done.append([one.backup.id for one in due])
    return done


def test_the_oldest_proof_comes_first_and_a_share_of_the_bytes_each_day() -> None:
    many = [proved(f"b{day:02}", day) for day in range(60, 0, -1)]
    assert chosen(many[:30]) == [f"b{day:02}" for day in range(60, 30, -1)]
    steady = [proved(f"b{number:02}", 16 + number / 10) for number in range(60)]
    assert chosen(steady) == ["b59", "b58"]


def test_nothing_is_proved_again_within_half_of_the_period() -> None:
    assert chosen([proved("new", 14.9)]) == []
    assert chosen([proved("old", 15.1)]) == ["old"]


def test_what_would_be_too_old_tomorrow_is_due_whatever_the_share_is() -> None:
    many = [proved(f"b{number}", 29.5) for number in range(9)]
    assert len(chosen(many)) == 9
    assert overdue(turns(many), PERIOD, NOW) == []
    assert len(overdue(turns(many), PERIOD, NOW + DAY)) == 9


def test_what_takes_longer_than_there_is_comes_last() -> None:
    many = [proved(f"b{number}", 40 - number) for number in range(3)]
    many[0].copies[0].reports[0] = proof(NOW - 40 * DAY, 3601)
    due = todays(turns(many), PERIOD, NOW, timedelta(hours=1))
    assert [one.backup.id for one in due] == ["b1", "b2", "b0"]


def test_what_may_be_asked_for() -> None:
    asked = backup_scrub.parse({"period_days": 90, "most_gb": 200, "most_minutes": 110})
    assert asked == ScrubOrder(period_days=90, most_gb=200, most_minutes=110)
    for wrong in ({"period_days": 0}, {"most_gb": 0}, {"most_minutes": 111}, {"days": 1}):
        with pytest.raises(Invalid, match=r"^task_parameters\."):
            backup_scrub.parse(wrong)


def test_a_copy_that_is_not_relied_upon_has_no_turn() -> None:
    damaged, never = proved("damaged", 40), proved("never", 40)
    report = damaged.copies[0].reports[0]
    damaged.copies[0].reports.append(replace(report, outcome=Outcome.DAMAGED))
    never.copies[0].reports.clear()
    assert turns([damaged, never]) == []


def test_each_copy_of_a_backup_has_its_own_turn() -> None:
    both = proved("both", 40)
    other = Copy.made("offsite", "both", both.summary)
    other.reports.append(proof(NOW - 20 * DAY))
    both.copies.append(other)
    assert [one.name for one in turns([both])] == ["both at primary", "both at offsite"]


def test_what_was_proved_on_one_day_is_spread_over_many() -> None:
    days = day_by_day([proved(f"b{number:02}", 0) for number in range(60)], 150)
    assert max(len(day) for day in days[:31]) <= 32
    assert max(len(day) for day in days[120:]) <= 6


@given(st.lists(st.tuples(st.floats(0, 29), st.integers(1, 1000)), min_size=1, max_size=40))
def test_each_is_proved_again_within_the_period(sizes: list[tuple[float, int]]) -> None:
    backups = [proved(f"b{number}", *one) for number, one in enumerate(sizes)]
    last = {one.id: turns([one])[0].at for one in backups}
    for number, day in enumerate(day_by_day(backups, 70)):
        now = NOW + timedelta(days=number)
        for name in day:
            assert now - last[name] >= PERIOD / 2
            last[name] = now
        assert all(now - at < PERIOD for at in last.values())
