"""Whether the spend is above its limit, and the words for it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from shared.billing.switch import Switch
from shared.errors import Misconfigured
from shared.finance import limit as rules
from shared.finance.limit import Limit, Verdict
from shared.settings import from_env

DAY = date(2026, 11, 29)
BEFORE = DAY - timedelta(days=1)
LIMIT = Limit(5000, "USD")
STORAGE = {"AzureWebJobsStorage": "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ=="}


def judged(today: dict[str, int], before: dict[str, int]) -> Verdict:
    return rules.judge(DAY, {DAY: today, BEFORE: before}, LIMIT)


@pytest.mark.parametrize(
    ("today", "before", "above"),
    [
        (5000, 5000, None),
        (5001, 0, (DAY, 5001)),
        (0, 5001, (BEFORE, 5001)),
        (5001, 9000, (DAY, 5001)),
        (0, 0, None),
        (-300, 0, None),
    ],
)
def test_a_day_is_above_its_limit_and_not_at_it(
    today: int, before: int, above: tuple[date, int] | None
) -> None:
    """Of two, the later counts."""
    assert judged({"USD": today}, {"USD": before}).above == above


def test_nothing_recorded_is_nothing_spent() -> None:
    assert rules.judge(DAY, {}, LIMIT).above is None


def test_other_currencies_are_told_and_not_counted() -> None:
    found = judged({"EUR": 900_000, "USD": 1}, {"EUR": 1, "JPY": 5, "GBP": 0})
    assert found.above is None and found.spent_minor == 1
    assert found.not_counted == {"EUR": 900_001, "GBP": 0, "JPY": 5}
    text = rules.below_in_words(found, Switch())
    assert text.endswith("Not counted, being in another currency: 9,000.01 EUR, 5 JPY.")


def test_the_words_say_what_becomes_of_billing() -> None:
    found = judged({"USD": 6123}, {})
    at = datetime(2026, 11, 29, 10, tzinfo=UTC)
    start = "2026-11-29: 61.23 USD spent so far, above the limit of 50.00 USD. "
    for switch, end in [
        (Switch(), "Billing is being paused."),
        (Switch(paused_at=at), "Billing is paused since 2026-11-29T10:00Z."),
        (Switch(resumed_for=DAY, resumed_by="ana"), "Billing goes on: ana resumed it."),
        (Switch(resumed_for=BEFORE, resumed_by="ana"), "Billing is being paused."),
    ]:
        assert rules.above_in_words(found, switch) == start + end


def test_of_yesterday_it_does_not_say_so_far() -> None:
    text = rules.above_in_words(judged({}, {"USD": 6000}), Switch())
    assert text.startswith("2026-11-28: 60.00 USD spent, above")


def test_a_new_day_below_the_limit_lifts_nothing() -> None:
    paused = Switch(paused_at=datetime(2026, 11, 27, 10, tzinfo=UTC))
    text = rules.below_in_words(judged({"USD": 100}, {"USD": 200}), paused)
    assert text == (
        "2026-11-29: 1.00 USD spent so far, and 2.00 USD the day before; the limit is 50.00 USD. "
        "Billing stays paused until a person resumes it."
    )


def test_the_limit_is_in_the_units_of_its_currency() -> None:
    read = from_env(STORAGE)
    assert (read.daily_spend_limit_minor, read.spend_currency) == (5000, "USD")
    read = from_env(STORAGE | {"DAILY_SPEND_LIMIT": "49.90", "SPEND_CURRENCY": "EUR"})
    assert (read.daily_spend_limit_minor, read.spend_currency) == (4990, "EUR")
    read = from_env(STORAGE | {"DAILY_SPEND_LIMIT": "7500", "SPEND_CURRENCY": "JPY"})
    assert read.daily_spend_limit_minor == 7500


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"DAILY_SPEND_LIMIT": "0"}, "DAILY_SPEND_LIMIT is '0'; use an amount above 0"),
        ({"DAILY_SPEND_LIMIT": "-5"}, "use an amount above 0"),
        ({"DAILY_SPEND_LIMIT": "lots"}, "DAILY_SPEND_LIMIT is 'lots'; use an amount, such as 50"),
        ({"DAILY_SPEND_LIMIT": "1.555"}, "use at most 2 decimals, as USD has"),
        ({"SPEND_CURRENCY": "usd"}, "SPEND_CURRENCY is 'usd'; use a currency's code of three"),
    ],
)
def test_a_limit_that_is_none_keeps_the_app_from_starting(wrong: dict[str, str], said: str) -> None:
    with pytest.raises(Misconfigured, match=said):
        from_env(STORAGE | wrong)
