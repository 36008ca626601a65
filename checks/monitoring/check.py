"""The check of the queries of Azure's alert rules and workbook."""

from pathlib import Path

from checks.monitoring import events, kql, queries
from checks.outcome import Outcome


def check(root: Path) -> Outcome:
    fields = events.written(root)
    found = queries.found(root)
    return Outcome(
        f"{len(found)} queries",
        tuple(f"{one.place}: {said}" for one in found for said in kql.problems(one.text, fields)),
    )
