"""Azure's alert rules and workbook: what their queries name exists.

events   the fields of each event's log line, gathered from the calls of `event`
tables   the columns of Azure's tables
kql      what a query names: words, tables, columns, events, fields
queries  where the queries are

`problems(root)` is the whole check.
"""

from __future__ import annotations

from pathlib import Path

from checks.monitoring import events, kql, queries
from shared.log import Event


def problems(root: Path) -> list[str]:
    """What is wrong with the queries of the repository at `root`, in sentences."""
    fields = events.fields(events.sources(root), list(Event))
    return [
        f"{query.place}: {problem}"
        for query in queries.found(root)
        for problem in kql.problems(query.text, fields)
    ]
