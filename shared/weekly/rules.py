"""What the report finds in its figures: highlights, recommendations, and what people are alerted
of. Pure: (the sections) -> findings. docs/weekly-report.md has the same table; a test holds the two
together.

A rule that compares does so with the mean of the four weeks before, and only if two of them are
known: one week is no measure. Beside the ratio there is a least difference, so that three failures
after one are no news. For money that is in whole units of the currency.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from shared import money
from shared.weekly import figures
from shared.weekly.figures import FIGURES, Unit
from shared.weekly.model import Figure, Finding, Part

KNOWN = 2
"""How many of the weeks before must be known."""


class How(StrEnum):
    """How a figure is judged."""

    ABOVE = "above"
    """It is more than the bound."""
    BELOW = "below"
    GREW = "grew"
    """It is `bound` times the mean or more, and at least `least` more than that."""
    FELL = "fell"
    """It is `bound` times the mean or less; the mean is at least `least`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """When something is worth saying."""

    name: str
    figure: str
    """Without a currency: the rule holds for each."""
    test: How
    bound: float
    least: float = 0
    enough: tuple[str, int] | None = None
    """Another figure, and how much it must be: a rate of a few says nothing."""
    good: bool = False
    alert: bool = False
    recommendation: str | None = None

    @property
    def threshold(self) -> str:
        """When it applies, in words."""
        if self.test in (How.ABOVE, How.BELOW):
            said = f"{'more' if self.test is How.ABOVE else 'less'} than {self._said(self.bound)}"
            if self.enough is None:
                return said
            return f"{said}, and {self.enough[0]} is at least {self.enough[1]:,}"
        if self.test is How.GREW:
            least = f", and at least {self._said(self.least)} more" if self.least else ""
            return f"at least {self.bound:g} times the mean{least}"
        return f"at most {self.bound:g} times the mean, which is at least {self._said(self.least)}"

    def _said(self, value: float) -> str:
        if FIGURES[self.figure].unit is Unit.MONEY:
            return f"{value:g} of the currency" if value else "0"
        return figures.shown(self.figure, value)

    def applies(self, one: Figure) -> bool:
        """Whether it does to a figure, beside `enough`."""
        value, mean = one.value, one.mean
        if value is None:
            return False
        if self.test is How.ABOVE:
            return value > self.bound
        if self.test is How.BELOW:
            return value < self.bound
        if mean is None or one.mean_of < KNOWN:
            return False
        least = self.least * 10 ** _decimals(one.name)
        if self.test is How.GREW:
            return value >= self.bound * mean and value - mean >= max(least, 1e-9)
        return mean >= max(least, 1e-9) and value <= self.bound * mean


_JOBS = "Read the errors (GET /api/v1/jobs?status=failed), mend the causes, retry what is needed."

RULES: Sequence[Rule] = (
    Rule(
        name="failures_doubled",
        figure="runs.failed",
        test=How.GREW,
        bound=2,
        least=10,
        alert=True,
        recommendation=_JOBS,
    ),
    Rule(
        name="failure_rate",
        figure="runs.failure_percent",
        test=How.ABOVE,
        bound=5,
        enough=("runs.ended", 100),
        recommendation="See which schedules fail (GET /api/v1/schedules/health/list).",
    ),
    Rule(
        name="misses_doubled",
        figure="runs.missed",
        test=How.GREW,
        bound=2,
        least=5,
        alert=True,
        recommendation="Look whether the app was down or its storage away (/ops/uptime).",
    ),
    Rule(
        name="runs_halved",
        figure="runs.ended",
        test=How.FELL,
        bound=0.5,
        least=20,
        alert=True,
        recommendation="See whether schedules were turned off that should run (GET /api/v1/audit).",
    ),
    Rule(
        name="lateness_tripled",
        figure="lateness.p95",
        test=How.GREW,
        bound=3,
        least=10,
        alert=True,
        recommendation="See how the app is scaled (GET /api/v1/scaling), and spread schedules that "
        "are due in the same minute.",
    ),
    Rule(
        name="lateness_high",
        figure="lateness.p95",
        test=How.ABOVE,
        bound=60,
        enough=("lateness.counted", 20),
        recommendation="Give the app more instances (docs/scaling.md), or its schedules fewer runs "
        "at once.",
    ),
    Rule(
        name="costs_grew",
        figure="company.cost",
        test=How.GREW,
        bound=1.5,
        least=10,
        alert=True,
        recommendation="See which category grew: GET /api/v1/reports/cost/DAY for each day.",
    ),
    Rule(
        name="revenue_fell",
        figure="company.revenue",
        test=How.FELL,
        bound=0.7,
        least=10,
        alert=True,
        recommendation="See on which days it fell (GET /api/v1/reports/cost/DAY/chart.svg), and "
        "whether billing is paused (GET /api/v1/billing).",
    ),
    Rule(
        name="loss",
        figure="company.margin",
        test=How.BELOW,
        bound=0,
        recommendation="Compare the largest costs with what they are for.",
    ),
    Rule(
        name="fees_failed",
        figure="company.fees_failed",
        test=How.ABOVE,
        bound=0,
        recommendation="Read why (GET /api/v1/billing), and have each tried again or waived.",
    ),
    Rule(
        name="message_costs_grew",
        figure="messages.cost",
        test=How.GREW,
        bound=1.5,
        least=10,
        alert=True,
        recommendation="See which task sends more (GET /api/v1/costs?by=task), and lower the caps "
        "if it should not.",
    ),
    Rule(
        name="backups_missing",
        figure="backups.missing",
        test=How.ABOVE,
        bound=0,
        alert=True,
        recommendation="Run their plans now (POST /api/v1/backups/plans/{id}/run), then find out "
        "why they took none.",
    ),
    Rule(
        name="backups_halved",
        figure="backups.taken",
        test=How.FELL,
        bound=0.5,
        least=4,
        alert=True,
        recommendation="See whether plans were turned off (GET /api/v1/backups/plans).",
    ),
    Rule(
        name="backups_unproved",
        figure="backups.unproved",
        test=How.ABOVE,
        bound=0,
        recommendation="Have them proved (POST /api/v1/backups/{id}/verify).",
    ),
    Rule(
        name="backup_old",
        figure="backups.oldest_good_hours",
        test=How.ABOVE,
        bound=192,
        recommendation="See which database it is (GET /api/v1/backups/sources), and whether a week "
        "of its data may be lost.",
    ),
    Rule(
        name="approvals_expired",
        figure="approvals.expired",
        test=How.ABOVE,
        bound=0,
        recommendation="Have more people decide, or give them longer: what expires is not done.",
    ),
    Rule(
        name="approvals_slow",
        figure="approvals.median_wait_seconds",
        test=How.ABOVE,
        bound=86_400,
        recommendation="Ask those who decide whether they are told in the right place.",
    ),
    Rule(
        name="workflow_failures_doubled",
        figure="workflows.failed",
        test=How.GREW,
        bound=2,
        least=5,
        alert=True,
        recommendation="Read which steps failed, mend the cause, and run them again from there.",
    ),
    Rule(
        name="workflow_failure_rate",
        figure="workflows.failure_percent",
        test=How.ABOVE,
        bound=5,
        enough=("workflows.ended", 20),
        recommendation="Read which steps failed, mend the cause, and run them again from there.",
    ),
    Rule(
        name="failures_halved",
        figure="runs.failed",
        test=How.FELL,
        bound=0.5,
        least=10,
        good=True,
    ),
    Rule(
        name="revenue_grew",
        figure="company.revenue",
        test=How.GREW,
        bound=1.2,
        least=10,
        good=True,
    ),
    Rule(
        name="costs_fell",
        figure="company.cost",
        test=How.FELL,
        bound=0.8,
        least=10,
        good=True,
    ),
)


def found(parts: Iterable[Part]) -> list[Finding]:
    """What the rules find: first what is an alert, then what else is bad news, then what is good;
    each in the order of the rules."""
    there = {one.name: one for part in parts for one in part.figures}
    findings = [one for rule in RULES for one in _of(rule, there)]
    return sorted(findings, key=lambda one: (not one.alert, one.good))


def _of(rule: Rule, there: dict[str, Figure]) -> Iterator[Finding]:
    if rule.enough is not None:
        of = there.get(rule.enough[0])
        if of is None or (of.value or 0) < rule.enough[1]:
            return
    for name, one in there.items():
        if figures.base(name)[0] == rule.figure and rule.applies(one):
            yield finding(rule, one)


def finding(rule: Rule, one: Figure) -> Finding:
    """What a rule says of a figure."""
    compares = rule.test in (How.GREW, How.FELL)
    text = f"{one.title}: {figures.shown(one.name, one.value)}"
    if compares:
        mean = figures.shown(one.name, one.mean)
        by = figures.change(one.against_mean_percent)
        text += f", where the {one.mean_of} weeks before had {mean} on average"
        text += f" ({by})" if one.against_mean_percent is not None else ""
    return Finding(
        rule=rule.name,
        good=rule.good,
        figure=one.name,
        value=one.value,
        compared_with=one.mean if compares else None,
        threshold=rule.threshold,
        text=text,
        recommendation=rule.recommendation,
        alert=rule.alert,
    )


def _decimals(name: str) -> int:
    """Of a figure's currency; 0 of a figure that is no money."""
    _, currency = figures.base(name)
    return money.digits(currency) if currency else 0
