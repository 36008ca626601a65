"""How long a restore takes, by the last proofs and restores, and when that was wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.backups.model import Outcome, Report
from shared.backups.rules.restore_time import of_same, slowest, wrong_by
from shared.backups.store.entries import Backup, Copy
from tests.unit.backups.test_model import manifest

AT = datetime(2026, 11, 20, 3, tzinfo=UTC)


def backup(
    day: int, *seconds: float | None, outcome: Outcome = Outcome.VERIFIED, plan: str = "s1"
) -> Backup:
    """One of so many days ago, and how long its proofs took."""
    at = AT - timedelta(days=day)
    summary = manifest(id=f"{plan}{day}", schedule_id=plan, started_at=at).summary
    copy = Copy.made("primary", f"blob{day}", summary)
    copy.reports = [
        Report(
            backup_id=summary.id,
            outcome=outcome,
            at=at + timedelta(minutes=number),
            job_id="job",
            how="restored",
            restore_seconds=one,
        )
        for number, one in enumerate(seconds)
    ]
    return Backup(summary, [copy])


def took(*backups: Backup) -> float | None:
    found = slowest(backups)
    return found.restore_seconds if found is not None else None


def test_it_is_the_slowest_of_the_last_five() -> None:
    nights = [backup(day, seconds) for day, seconds in enumerate((20, 24, 45, 21, 22))]
    assert took(*nights) == 45
    assert took(*nights, backup(5, 99)) == 45, "what was slow long ago is over"
    assert took(*nights[::-1]) == 45


def test_a_restore_for_good_counts_and_a_copy_does_not() -> None:
    assert took(backup(0, 20), backup(1, 45, outcome=Outcome.RESTORED)) == 45
    assert took(backup(0, 20, None, None, None, None, None)) == 20
    assert took(backup(0, 50, outcome=Outcome.DAMAGED)) is None
    assert took() is None


def test_those_of_one_database_count_whichever_plan_took_them() -> None:
    found = [backup(0, 20), backup(1, 45, plan="s2")]
    assert took(*of_same(found, "database", "company", "")) == 45
    assert of_same(found, "database", "company", "schemas a") == []


@pytest.mark.parametrize(
    ("expected", "seconds", "said"),
    [
        (24, 45, "it took 45 s, longer than the 24 s that were expected"),
        (100, 40, "it took 40 s, less than half of the 100 s that were expected"),
        (24, 33, ""),
        (21, 13, ""),
        (0.2, 5, ""),
        (0.2, 5.3, "it took 5 s, longer than the 0 s that were expected"),
        (9, 0.1, ""),
    ],
)
def test_what_was_expected_is_held_to_what_it_took(
    expected: float, seconds: float, said: str
) -> None:
    assert wrong_by(expected, seconds) == said
