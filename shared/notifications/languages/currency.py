"""Currencies: how many decimals their minor unit has (ISO 4217), and their symbols."""

from __future__ import annotations

_DIGITS = {
    **dict.fromkeys(
        (
            *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI"),
            *("VND", "VUV", "XAF", "XOF", "XPF"),
        ),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
_SYMBOLS = {"EUR": "€", "GBP": "£", "JPY": "¥", "USD": "$"}


def digits(currency: str) -> int:
    """The decimals of a currency: 2 for cents, 0 if there is no smaller unit."""
    return _DIGITS.get(currency, 2)


def symbol(currency: str) -> str:
    """The symbol by which everybody knows the currency; empty for others, such as the dollars of
    other countries."""
    return _SYMBOLS.get(currency, "")
