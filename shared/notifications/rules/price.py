"""What a text message costs, as long as its provider has not said."""

from __future__ import annotations

from dataclasses import dataclass

from shared.money import digits

MICROS = 1_000_000
"""Millionths in a unit of a currency."""


@dataclass(frozen=True, slots=True)
class Price:
    """The price of one segment, by the settings SMS_SEGMENT_PRICE and SMS_CURRENCY."""

    segment_micros: int
    """In millionths of `currency`."""
    currency: str

    def of(self, segments: int) -> int:
        """What that many segments cost, in millionths of `currency`."""
        return segments * self.segment_micros


def micros_of(minor: int, currency: str) -> int:
    """Minor units (cents) of a currency in millionths of it."""
    return int(minor * MICROS // 10 ** digits(currency))
