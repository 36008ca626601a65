"""What a cron expression names: plain fields against croniter's reading, and the calendar."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime, timedelta

import pytest
from croniter import croniter
from hypothesis import given, settings

from shared.recurrence.cron import parse
from shared.recurrence.fields import FIELDS, plain
from tests.unit.recurrence.reference import Match
from tests.unit.recurrence.strategies import expressions, field, special_expressions


@settings(max_examples=800, deadline=None)
@given(expressions())
def test_plain_fields_are_read_as_croniter_reads_them(expression: str) -> None:
    expanded, nth = croniter.expand(expression)
    assert not nth
    for text, one, values in zip(expression.lower().split(), FIELDS, expanded, strict=True):
        ours = plain(text, one)
        assert ours is not None
        assert set(ours) == (set(one.every) if "*" in values else set(values))
        assert list(ours) == sorted(ours)


@settings(max_examples=300, deadline=None)
@given(field(2), field(4))
def test_day_fields_join_as_croniter_joins_them(days: str, weekdays: str) -> None:
    expanded, _ = croniter.expand(f"0 0 {days} * {weekdays}")
    cron = parse(f"0 0 {days} * {weekdays}")
    for ours, text, values, size in (
        (cron.in_month, days, expanded[2], 31),
        (cron.in_week, weekdays, expanded[4], 7),
    ):
        step_of_one = len(values) == size and "*" in text  # does not restrict, below
        assert (ours is None) == (values[0] == "*" or step_of_one)


@settings(max_examples=150, deadline=None)
@given(expressions() | special_expressions())
def test_the_calendar_is_walked_without_a_leap(expression: str) -> None:
    """Every day of two years, one of them a leap year, against the definition."""
    if "*/1 " in f"{expression} " or ",*" in expression or "*/1," in expression:
        return
    match = Match(expression)
    try:
        cron = parse(expression)
    except ValueError as error:
        assert "never occurs" in str(error)
        return
    begin, end = datetime(2027, 1, 1), datetime(2029, 1, 1)
    days = (begin + timedelta(days=n) for n in range((end - begin).days))
    found, wall = [], cron.next(begin)
    while wall is not None and wall < end:
        found.append(wall.date())
        wall = cron.next(wall.replace(hour=23, minute=59) + timedelta(minutes=1))
    assert found == [day.date() for day in days if match.day(day.date())]


@pytest.mark.parametrize(
    ("expression", "days"),
    [
        ("0 0 13 * 5", [1, 8, 13, 15, 22, 29]),  # both restrict: either one
        ("0 0 13 * *", [13]),
        ("0 0 * * 5", [1, 8, 15, 22, 29]),
        ("0 0 ? * 5", [1, 8, 15, 22, 29]),
        ("0 0 13 * ?", [13]),
        ("0 0 */10 * 5", [1, 8, 11, 15, 21, 22, 29, 31]),  # a step restricts: either one
        ("0 0 */1 * 5", [1, 8, 15, 22, 29]),  # names every day, with a `*`: does not
        ("0 0 1-31 * 5", list(range(1, 32))),  # names every day, without: it does
        ("0 0 13 * 0-6", list(range(1, 32))),
        ("0 0 L * *", [31]),
        ("0 0 L * 0", [3, 10, 17, 24, 31]),
        ("0 0 29-L * *", [29, 30, 31]),
        ("0 0 * * L5", [29]),
        ("0 0 * * L0", [31]),
        ("0 0 * * 5#2", [8]),
        ("0 0 * * 5#5", [29]),
        ("0 0 * * 4#5", []),
        ("0 0 1 * 6#2", [1, 9]),  # croniter finds no date at all
        ("0 0 * * SUN", [3, 10, 17, 24, 31]),
        ("0 0 * * 7", [3, 10, 17, 24, 31]),
        ("0 0 * * 6-7", [2, 3, 9, 10, 16, 17, 23, 24, 30, 31]),
        ("0 0 * * sat-mon", [2, 3, 4, 9, 10, 11, 16, 17, 18, 23, 24, 25, 30, 31]),
        ("0 0 * * 5L", [29]),
        ("0 0 * * FRIL", [29]),
        ("0 0 * * 7L", [31]),
        ("0 0 * * 1#2,3", [6, 11, 13, 20, 27]),  # beside a plain weekday: either one
        ("0 0 * * L5,3#1", [6, 29]),
        ("0 0 * * mon-wed#3", [18, 19, 20]),
        ("0 0 * * 5-7#1", [1, 2, 3]),
        ("0 0 * * 0-7/7", [3, 10, 17, 24, 31]),
        ("0 0 L-3 * *", [28]),
        ("0 0 L-30 * *", [1]),
        ("0 0 L-3,L,2 * *", [2, 28, 31]),
        ("0 0 15W * *", [15]),  # a Friday
        ("0 0 16W * *", [15]),  # a Saturday: the day before
        ("0 0 17W * *", [18]),  # a Sunday: the day after
        ("0 0 2W * *", [1]),
        ("0 0 31W * *", [29]),  # the last day, a Sunday: not in February
        ("0 0 LW * *", [29]),
        ("0 0 15W,LW,3 * *", [3, 15, 29]),
        ("0 0 LW * 0", [3, 10, 17, 24, 29, 31]),  # both restrict: either one
        ("0 0 *,LW * *", list(range(1, 32))),
        ("0 0 25-L/3 * *", [25, 28, 31]),
        ("0 0 31 2 0", []),  # another month; and not refused, since Sundays match
    ],
)
def test_days_of_january_2027(expression: str, days: list[int]) -> None:
    """The first is a Friday."""
    cron, found = parse(expression), []
    wall = cron.next(datetime(2027, 1, 1))
    while wall is not None and wall < datetime(2027, 2, 1):
        found.append(wall.day)
        wall = cron.next(wall + timedelta(days=1))
    assert found == days


def test_rare_days() -> None:
    leap_day = parse("0 0 29 2 *")
    assert leap_day.next(datetime(2028, 3, 1)) == datetime(2032, 2, 29)
    assert leap_day.next(datetime(2096, 3, 1)) == datetime(2104, 2, 29)
    fifth_sunday = parse("0 0 * 2 0#5")
    assert fifth_sunday.next(datetime(2032, 3, 1)) == datetime(2060, 2, 29)
    assert leap_day.next(datetime(9999, 1, 1)) is None


def test_spelling_does_not_matter() -> None:
    assert parse("00 03 * * *") == parse("0 3 * * *")
    assert parse(" 0  3 *\t* *\n") == parse("0 3 * * *")
    assert parse("0 9 * Jan MON") == parse("0 9 * 1 1")


def test_croniter_is_not_loaded_for_what_is_right() -> None:
    """It takes longer to import than all the rest."""
    code = (
        "import sys; from shared.recurrence import *; from datetime import datetime, UTC\n"
        "def ask(e): next_run(Recurrence(frequency=Frequency.CRON, cron_expression=e,"
        " timezone='Europe/Berlin'), datetime(2026, 1, 1, tzinfo=UTC))\n"
        "ask('*/5 6-8 1,15 JAN-MAR MON'); ask('0 22-2 L-3,15W,25-L/3 nov-feb 5L,mon-wed#3,5-7')\n"
        "print('croniter' in sys.modules)\n"
        "try: ask('0 0 L * 9')\n"
        "except InvalidRecurrence: print('croniter' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
