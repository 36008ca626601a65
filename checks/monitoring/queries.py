"""Where the queries are: a file of each alert rule, and the workbook."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path("infra/monitoring")


@dataclass(frozen=True, slots=True)
class Query:
    """A query in KQL."""

    place: str
    """Its file, and for the workbook the item's name."""
    text: str


def found(root: Path) -> list[Query]:
    """Every query of the repository, rules first."""
    return [*rules(root), *workbook(json.loads((root / FOLDER / "workbook.json").read_text()))]


def rules(root: Path) -> list[Query]:
    """The queries of the alert rules, by name."""
    files = sorted((root / FOLDER / "queries").glob("*.kql"))
    return [Query(str(file.relative_to(root)), file.read_text()) for file in files]


def workbook(document: dict[str, Any]) -> Iterator[Query]:
    """The queries of a workbook, in the order of its items; of groups as well."""
    for item in document["items"]:
        content = item["content"]
        if content.get("version") == "KqlItem/1.0":
            yield Query(f"workbook.json: {item['name']}", content["query"])
        if "items" in content:
            yield from workbook(content)
