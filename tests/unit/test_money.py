"""Amounts in minor units."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import money


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (123_450, "USD", "1,234.50 USD"),
        (5, "EUR", "0.05 EUR"),
        (-7, "EUR", "-0.07 EUR"),
        (1234, "JPY", "1,234 JPY"),
        (1234, "KWD", "1.234 KWD"),
        (0, "CLF", "0.0000 CLF"),
    ],
)
def test_an_amount_has_as_many_decimals_as_its_currency(
    minor: int, currency: str, text: str
) -> None:
    assert money.shown(minor, currency) == text


@given(
    minor=st.integers(1 - 10**12, 10**12 - 1),
    currency=st.sampled_from(["USD", "JPY", "KWD", "UYW"]),
)
def test_what_is_shown_is_read_again(minor: int, currency: str) -> None:
    text = money.shown(minor, currency).removesuffix(f" {currency}").replace(",", "")
    assert money.minor_units(text, currency) == minor


@pytest.mark.parametrize(
    "wrong",
    ["", "fifty", "5,0", "1e3", "nan", "inf", "5_0", "\u0665\u0660", "$50", "50 USD", "9" * 20],
)
def test_what_is_no_amount_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"such as 50 or 49\.90"):
        money.minor_units(wrong, "USD")


@pytest.mark.parametrize(("amount", "currency"), [("0.005", "USD"), ("1.5", "JPY")])
def test_more_decimals_than_the_currency_has_are_refused(amount: str, currency: str) -> None:
    with pytest.raises(ValueError, match=f"decimals, as {currency} has"):
        money.minor_units(amount, currency)
