"""Each rule recommends from its threshold on, says its figure, and rests when it must."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shared.marketing.figures import Cohort, Figures
from shared.marketing.rules import RULES, recommend

NOW = datetime(2026, 11, 30, 7, tzinfo=UTC)


def figures(**given: Any) -> Figures:
    """Of a tenant of whom nothing is recommended."""
    known: dict[str, Any] = {
        "as_of": NOW,
        "owners": 100,
        "reachable": 80,
        "active_by_week": (30,) * 9,
        "logins_by_week": (0,) * 9,
        "cohorts": cohorts(10, 8),
        "regulars": 60,
        "at_risk": 3,
        "lost": 0,
    }
    return Figures(**known | given)


def cohorts(owners: int, returned: int) -> tuple[Cohort, ...]:
    return tuple(
        Cohort(month=f"2026-{month:02}", owners=owners, returned=returned, active=0)
        for month in range(5, 12)
    )


THRESHOLDS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("churn_risk", {"at_risk": 9}, {"at_risk": 8}),
    ("churn_risk", {"regulars": 20, "at_risk": 19}, {"regulars": 19, "at_risk": 19}),
    ("activity_fall", {"active_by_week": (30,) * 8 + (24,)}, {"active_by_week": (30,) * 8 + (25,)}),
    ("activity_fall", {"active_by_week": (20,) * 8 + (9,)}, {"active_by_week": (19,) * 8 + (9,)}),
    ("second_visit", {"cohorts": cohorts(100, 49)}, {"cohorts": cohorts(100, 50)}),
    ("second_visit", {"cohorts": cohorts(5, 0)}, {"cohorts": cohorts(4, 0)}),
    ("low_reach", {"reachable": 59}, {"reachable": 60}),
]


@pytest.mark.parametrize(("rule", "over", "under"), THRESHOLDS)
def test_a_rule_recommends_from_its_threshold_on(
    rule: str, over: dict[str, Any], under: dict[str, Any]
) -> None:
    (found,) = recommend(figures(**over), [], {})
    assert found.rule == rule
    assert f"{found.threshold:.0%}" in found.text, "the threshold is told"
    assert (found.campaign is None) == (rule == "low_reach")
    assert recommend(figures(**under), [], {}) == []


def test_a_fresh_company_is_recommended_nothing() -> None:
    nobody = {"owners": 0, "reachable": 0, "regulars": 0, "at_risk": 0, "cohorts": ()}
    assert recommend(figures(**nobody, active_by_week=()), [], {}) == []


def test_while_people_opt_out_nothing_is_proposed() -> None:
    before = [figures(reachable=reachable) for reachable in (80, 82, 85, 90)]
    (risk, lost) = recommend(figures(at_risk=30, reachable=81), before, {})
    assert (risk.rule, risk.campaign, lost.rule) == ("churn_risk", None, "reach_lost")
    assert risk.resting == lost.text and "10.0% fewer than 4 cycles ago (90)" in lost.text
    (risk,) = recommend(figures(at_risk=30, reachable=82), before, {})
    assert risk.campaign is not None
    (risk,) = recommend(figures(at_risk=30, reachable=1), before[:3], {})[:1]
    assert risk.campaign is not None, "four cycles are needed"


def test_a_rule_whose_campaign_did_harm_rests() -> None:
    over = figures(at_risk=30, cohorts=cohorts(100, 0))
    (risk, second) = recommend(over, [], {"churn_risk": "fewer came"})
    assert (risk.campaign, risk.resting) == (None, "fewer came")
    assert second.campaign is not None and second.campaign.hold_out_percent == 20


def test_the_page_has_each_rule() -> None:
    page = Path("docs/marketing.md").read_text("utf-8")
    for rule in RULES:
        assert f"| `{rule.__name__}` |" in page
