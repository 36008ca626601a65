"""The rules of the marketing cycle: pure, from a tenant's figures to what is recommended.

Each rule says the figure that it looked at, its threshold, and what it proposes. Below `LEAST`
people a share says too little, so nothing is recommended. docs/marketing.md has the same table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from shared.marketing.figures import Figures

LEAST = 20
"""Owners of which a share is taken."""
AT_RISK = 0.15
FALL = 0.20
RETURN = 0.50
REACH = 0.60
REACH_LOST = 0.10
_WEEKS = 4
"""Weeks of a mean, and weeks back to which reach is compared."""
_SETTLED = slice(-6, -2)
"""The cohorts whose owners had a month or more to come again."""


class Segment(StrEnum):
    """Whom a campaign is for; `queries` has each in SQL."""

    AT_RISK = "at_risk"
    LAPSED = "lapsed"
    ONCE_ONLY = "once_only"


class Proposal(BaseModel):
    """A change of campaigns that a person has to approve."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    segment: Segment
    template: str
    channel: str = "sms"
    hold_out_percent: int = 20


class Recommendation(BaseModel):
    """What a rule recommends."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    rule: str
    text: str
    """For people, with the figure and the threshold."""
    figure: str
    """The figure's name."""
    value: float
    threshold: float
    of: int
    """How many owners the figure is of."""
    campaign: Proposal | None
    """None: it is for people to act on, since no message can help."""
    resting: str | None = None
    """Why its campaign is not proposed now, though the rule would."""


Rule = Callable[[Figures, Sequence[Figures]], Recommendation | None]
"""(a tenant's figures, those of the weeks before, newest first) -> what is recommended."""


@dataclass(frozen=True, slots=True)
class _Share:
    part: int
    of: int

    @property
    def value(self) -> float:
        return self.part / self.of

    def __str__(self) -> str:
        return f"{self.part} of {self.of} ({self.value:.1%})"


def _fall(now: float, before: float) -> float:
    """By which share it fell; rounded, so that a fall of just the threshold is one."""
    return round(1 - now / before, 9)


def churn_risk(now: Figures, _before: Sequence[Figures]) -> Recommendation | None:
    """Too many regulars have not come for twice their own interval."""
    if now.regulars < LEAST:
        return None
    share = _Share(now.at_risk, now.regulars)
    if share.value < AT_RISK:
        return None
    return Recommendation(
        rule="churn_risk",
        text=f"{share} regulars have not come for twice their usual interval or longer; the "
        f"threshold is {AT_RISK:.0%}. Remind them of a check-up.",
        figure="at_risk_share",
        value=round(share.value, 4),
        threshold=AT_RISK,
        of=now.regulars,
        campaign=Proposal(segment=Segment.AT_RISK, template="campaign_check_up"),
    )


def activity_fall(now: Figures, _before: Sequence[Figures]) -> Recommendation | None:
    """The last week had far fewer active owners than the four before."""
    earlier = now.active_by_week[-1 - _WEEKS : -1]
    mean = sum(earlier) / _WEEKS
    if len(earlier) < _WEEKS or mean < LEAST:
        return None
    fall = _fall(now.active, mean)
    if fall < FALL:
        return None
    return Recommendation(
        rule="activity_fall",
        text=f"{now.active} owners came or booked last week, {fall:.1%} fewer than the mean of the "
        f"{_WEEKS} weeks before ({mean:.1f}); the threshold is {FALL:.0%}. Write to those who have "
        "not come for half a year.",
        figure="active_fall",
        value=round(fall, 4),
        threshold=FALL,
        of=round(mean),
        campaign=Proposal(segment=Segment.LAPSED, template="campaign_check_up"),
    )


def second_visit(now: Figures, _before: Sequence[Figures]) -> Recommendation | None:
    """Too few of those who came for the first time some months ago came again."""
    settled = now.cohorts[_SETTLED]
    share = _Share(sum(one.returned for one in settled), sum(one.owners for one in settled))
    if share.of < LEAST or share.value >= RETURN:
        return None
    return Recommendation(
        rule="second_visit",
        text=f"Of the owners whose first visit was from {settled[0].month} to {settled[-1].month}, "
        f"{share} came again; the threshold is {RETURN:.0%}. Invite those who came once.",
        figure="returned_share",
        value=round(share.value, 4),
        threshold=RETURN,
        of=share.of,
        campaign=Proposal(segment=Segment.ONCE_ONLY, template="campaign_second_visit"),
    )


def low_reach(now: Figures, _before: Sequence[Figures]) -> Recommendation | None:
    """Too few owners can be written to."""
    if now.owners < LEAST or (now.reach or 0) >= REACH:
        return None
    share = _Share(now.reachable, now.owners)
    return Recommendation(
        rule="low_reach",
        text=f"{share} owners have a phone number and agreed to text messages; the threshold is "
        f"{REACH:.0%}. Ask the others at the desk: no message may.",
        figure="reach",
        value=round(share.value, 4),
        threshold=REACH,
        of=now.owners,
        campaign=None,
    )


def reach_lost(now: Figures, before: Sequence[Figures]) -> Recommendation | None:
    """Owners have opted out since four cycles ago."""
    if len(before) < _WEEKS or before[_WEEKS - 1].reachable < LEAST:
        return None
    then = before[_WEEKS - 1].reachable
    lost = _fall(now.reachable, then)
    if lost < REACH_LOST:
        return None
    return Recommendation(
        rule="reach_lost",
        text=f"{now.reachable} owners can be written to, {lost:.1%} fewer than {_WEEKS} cycles ago "
        f"({then}); the threshold is {REACH_LOST:.0%}. Write less often.",
        figure="reach_fall",
        value=round(lost, 4),
        threshold=REACH_LOST,
        of=then,
        campaign=None,
    )


RULES: Sequence[Rule] = (churn_risk, activity_fall, second_visit, low_reach, reach_lost)
"""In the order in which they choose: nobody is in two campaigns at a time."""


def recommend(
    now: Figures, before: Sequence[Figures], harmful: Mapping[str, str]
) -> list[Recommendation]:
    """All that is recommended. `harmful`: rules whose last campaign made fewer people come, with
    what was measured: these rest. While people opt out, nothing is proposed at all."""
    found = [one for rule in RULES if (one := rule(now, before)) is not None]
    fewer = next((one.text for one in found if one.rule == reach_lost.__name__), None)
    return [_rested(one, fewer or harmful.get(one.rule)) for one in found]


def _rested(one: Recommendation, why: str | None) -> Recommendation:
    if why is None or one.campaign is None:
        return one
    return one.model_copy(update={"campaign": None, "resting": why})
