"""A recurrence in words."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from shared.recurrence import (
    Calendar,
    CalendarRule,
    DayOff,
    Frequency,
    Observance,
    Recurrence,
)
from shared.schedules import words
from shared.schedules.word_names import NAMES


def cron(*expressions: str, **more: object) -> Recurrence:
    return Recurrence(frequency=Frequency.CRON, cron_expressions=expressions, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("expression", "english", "german"),
    [
        ("0 6 * * *", "At 06:00", "Um 06:00"),
        ("@daily", "At 00:00", "Um 00:00"),
        ("0 9 * * MON", "At 09:00, only on Monday", "Um 09:00, nur am Montag"),
        ("0 9 * * 7", "At 09:00, only on Sunday", "Um 09:00, nur am Sonntag"),
        (
            "0 9 * * 5L",
            "At 09:00, on the last Friday of the month",
            "Um 09:00, am letzten Freitag des Monats",
        ),
        (
            "0 0 1 1,5 *",
            "At 00:00, on day 1 of the month, only in January and May",
            "Um 00:00, am 1 Tag des Monats, nur im Januar und Mai",
        ),
    ],
)
def test_a_cron_expression_is_told(expression: str, english: str, german: str) -> None:
    assert words.in_words(cron(expression)) == words.Words(english, "en")
    assert words.in_words(cron(expression), "de") == words.Words(german, "de")


@pytest.mark.parametrize(
    "expression", ["0 9 1W,15W * *", "0 9 * * 5L,1#2", "0 0 1,LW * *", "0 0 */2 * 1"]
)
def test_what_would_be_told_wrongly_is_shown_as_it_was_written(expression: str) -> None:
    told = words.in_words(cron(expression), "de")
    assert told == words.Words(f"By the cron expression {expression}", "en")


def test_what_a_language_has_no_words_for_is_told_in_english() -> None:
    assert words.in_words(cron("0 9 * * 1"), "pl").language == "en"
    assert words.in_words(cron("0 9 L-3 * *"), "de").language == "en"
    assert words.in_words(cron("0 9 * * *"), "pl") == words.Words("O 09:00", "pl")


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_the_library_has_each_language(language: str) -> None:
    told = words.in_words(cron("*/5 * * * *"), language)
    assert told.language == language
    assert (told.text == "Every 5 minutes") is (language == "en")


def test_names_are_nineteen() -> None:
    assert {len(names) for names in NAMES.values()} == {19}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1, "Every second"), (90, "Every 90 seconds"), (7200, "Every 2 hours"), (86400, "Every day")],
)
def test_an_interval_is_told_in_its_largest_unit(seconds: int, text: str) -> None:
    made = Recurrence(frequency=Frequency.INTERVAL, interval_seconds=seconds)
    assert words.in_words(made).text == text


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU", "Every 2 weeks on Tuesday"),
        ("FREQ=MONTHLY;BYDAY=-1FR", "Every month on the last Friday"),
        ("FREQ=MONTHLY;BYMONTHDAY=-2,22", "Every month on the 2nd last and the 22nd day"),
        ("FREQ=DAILY;COUNT=10", "Every day, 10 times"),
    ],
)
def test_a_rule_is_told(rule: str, text: str) -> None:
    start = datetime(2030, 1, 1, 9)
    made = Recurrence(frequency=Frequency.RRULE, rrule=rule, start_local=start)
    told = words.in_words(made).text
    assert told.startswith(text.split(" and ")[0]) and all(one in told for one in text.split())


def test_once_what_is_left_out_and_calendars_are_told() -> None:
    at = datetime(2030, 1, 1, 9, tzinfo=UTC)
    once = Recurrence(frequency=Frequency.ONCE, start_time=at)
    assert words.in_words(once).text == "Once, at 2030-01-01 09:00 +0000"
    own = Calendar(id="c1", name="own", version=1, days=(DayOff(date(2030, 1, 1), "closed"),))
    observed = Observance(rule=CalendarRule.PREVIOUS, calendars=(own,))
    made = cron("0 9 * * *", exclude_cron_expressions=("* * 24 12 *",), calendar=observed)
    said = words.in_words(made, "de")
    assert said.language == "en"
    assert said.text.startswith("At 09:00; except: Every minute, on day 24 of the month")
    assert said.text.endswith("; moved to the previous open day when own is closed")


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("de-AT, en;q=0.5", "de"),
        ("xx", "en"),
        ("fr;q=0.2, es;q=0.9", "es"),
        ("de;q=0, fr;q=0.1", "fr"),
        ("*;q=1, ;;, de;q=x", "en"),
    ],
)
def test_the_language_is_the_best_that_there_is(header: str, language: str) -> None:
    assert words.chosen(header) == language
