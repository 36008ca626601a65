"""Money: whole numbers of a currency's minor units, such as cents, and how they are written."""

from __future__ import annotations

import re
from decimal import Decimal

_DECIMALS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
"""By ISO 4217 (amendment 176); all other currencies have 2."""
_BY_CURRENCY = {code: places for places, codes in _DECIMALS.items() for code in codes.split()}


def digits(currency: str) -> int:
    """How many decimals the currency has: 2 of `USD`, 0 of `JPY`."""
    return _BY_CURRENCY.get(currency, 2)


def is_currency(code: str) -> bool:
    """Whether it has the form of a code of ISO 4217."""
    return re.fullmatch("[A-Z]{3}", code) is not None


def shown(minor: int, currency: str) -> str:
    """An amount for a log or an alert: `1,234.50 USD`."""
    places = digits(currency)
    return f"{Decimal(minor).scaleb(-places):,.{places}f} {currency}"


def minor_units(amount: str, currency: str) -> int:
    """The minor units of an amount such as `49.90`. Raises `ValueError`, which says what to use."""
    places = digits(currency)
    if re.fullmatch(r"-?\d{1,12}(\.\d+)?", amount, re.ASCII) is None:
        raise ValueError("use an amount, such as 50 or 49.90")
    found = Decimal(amount).scaleb(places)
    if found != found.to_integral_value():
        raise ValueError(f"use at most {places} decimals, as {currency} has")
    return int(found)
