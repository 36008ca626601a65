"""Currencies: the symbols by which everybody knows them."""

from __future__ import annotations

_SYMBOLS = {"EUR": "€", "GBP": "£", "JPY": "¥", "USD": "$"}


def symbol(currency: str) -> str:
    """The symbol by which everybody knows the currency; empty for others, such as the dollars of
    other countries."""
    return _SYMBOLS.get(currency, "")
