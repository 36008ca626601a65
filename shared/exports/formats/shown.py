"""How values are written for people: in their zone, with thousands apart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal

from shared.exports.kinds import Value
from shared.exports.safe import line


@dataclass(frozen=True, slots=True)
class Shown:
    """How values are written for people."""

    where: tzinfo

    def __call__(self, value: Value) -> str:
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, datetime):
            return f"{value.astimezone(self.where):%Y-%m-%d %H:%M}"
        if isinstance(value, int):
            return f"{value:,}"
        if isinstance(value, float | Decimal):
            return decimal(Decimal(str(value)))
        return line(value)


def decimal(value: Decimal) -> str:
    """With thousands apart; at most two decimals, or of what is nearly nothing two digits that say
    something."""
    if value == value.to_integral_value():
        return f"{value:,.0f}"
    if value == value.quantize(Decimal("0.1")):
        return f"{value:,.1f}"
    if abs(value) >= Decimal("0.1"):
        return f"{value:,.2f}"
    return f"{value:.{1 - value.adjusted()}f}".rstrip("0")
