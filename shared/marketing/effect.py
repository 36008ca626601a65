"""What a campaign changed: pure, from how its two parts did to what can be said of it.

Who was held out is chosen by a hash, so the two parts differ in nothing but the message. Everybody
in a part counts, also who was not reached: to leave those out would make the parts differ.

The interval of a share is Wilson's (1927): with p = k / n and z = 1.96,

    (p + z²/2n ± z √(p (1 - p) / n + z²/4n²)) / (1 + z²/n)

and that of the difference of two shares is Newcombe's hybrid of two of these (1998, method 10):
with the intervals (l₁, u₁) and (l₂, u₂), d = p₁ - p₂,

    d - √((p₁ - l₁)² + (u₂ - p₂)²)   to   d + √((u₁ - p₁)² + (p₂ - l₂)²)

https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I
"""

from __future__ import annotations

from math import sqrt

from pydantic import BaseModel, ConfigDict

Z = 1.959964
"""Of a normal distribution, 95 % are within so many standard deviations."""
LEAST = 30
"""People in each part, at least, for a statement."""
DAYS = 14
"""How long after it began a campaign is watched."""


class CampaignEffect(BaseModel):
    """How a campaign did. Shares are from 0 to 1."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    days: int
    """How many days after it began were watched."""
    final: bool
    """Whether that was all of them."""
    written_to: int
    written_to_active: int
    """Of these, who came or booked on these days."""
    held_out: int
    held_out_active: int
    uplift: float | None
    """The difference of the two shares; None if nobody was held out, or written to."""
    low: float | None
    high: float | None
    """Its interval, by 95 %; None if there are too few for a statement."""
    said: str
    """In words."""

    @property
    def harmful(self) -> bool:
        """Whether fewer came for it."""
        return self.final and self.high is not None and self.high < 0


def wilson(some: int, of: int) -> tuple[float, float]:
    """The interval of a share."""
    share, square = some / of, Z * Z
    middle = share + square / (2 * of)
    half = Z * sqrt(share * (1 - share) / of + square / (4 * of * of))
    scale = 1 + square / of
    low, high = (middle - half) / scale, (middle + half) / scale
    # at the ends it is 0 and 1; what is computed is off by a rounding
    return (0.0 if some == 0 else low), (1.0 if some == of else high)


def newcombe(some: int, of: int, others: int, of_others: int) -> tuple[float, float]:
    """The interval of the difference of two shares."""
    first, second = some / of, others / of_others
    low, high = wilson(some, of)
    other_low, other_high = wilson(others, of_others)
    difference = first - second
    down = sqrt((first - low) ** 2 + (other_high - second) ** 2)
    up = sqrt((high - first) ** 2 + (second - other_low) ** 2)
    return difference - down, difference + up


def measured(
    days: int, written_to: int, written_to_active: int, held_out: int, held_out_active: int
) -> CampaignEffect:
    """The effect, by how many of each part were active on that many days."""
    both = bool(written_to and held_out)
    uplift = written_to_active / written_to - held_out_active / held_out if both else None
    bounds: tuple[float, float] | None = None
    if min(written_to, held_out) >= LEAST:
        bounds = newcombe(written_to_active, written_to, held_out_active, held_out)
    return CampaignEffect(
        days=min(days, DAYS),
        final=days >= DAYS,
        written_to=written_to,
        written_to_active=written_to_active,
        held_out=held_out,
        held_out_active=held_out_active,
        uplift=None if uplift is None else round(uplift, 4),
        low=None if bounds is None else round(bounds[0], 4),
        high=None if bounds is None else round(bounds[1], 4),
        said=_said(written_to, held_out, uplift, bounds),
    )


def _said(
    written_to: int, held_out: int, uplift: float | None, bounds: tuple[float, float] | None
) -> str:
    if uplift is None:
        return "nobody to compare with: one of the two parts is empty"
    if bounds is None:
        return (
            f"too few for a statement: {written_to} were written to and {held_out} held out; each "
            f"part needs {LEAST} or more"
        )
    low, high = bounds
    within = f"{100 * uplift:+.1f} points, 95 % from {100 * low:+.1f} to {100 * high:+.1f}"
    if low > 0:
        return f"more came: {within}"
    if high < 0:
        return f"fewer came: {within}"
    return f"no difference can be told: {within}"
