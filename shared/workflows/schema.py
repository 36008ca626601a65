"""The JSON Schema of a definition, for editors and for whoever makes definitions.

    .venv/bin/python -m shared.workflows.schema > docs/workflow.schema.json

A test holds the stored one to this.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from shared.tasks.schema import DIALECT
from shared.workflows.written import WorkflowPart

STORED = Path(__file__).parents[2] / "docs" / "workflow.schema.json"


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12)."""
    made = WorkflowPart.model_json_schema(by_alias=True)
    for part in (made, *made["$defs"].values()):
        for field in part.get("properties", {}).values():
            field.pop("title", None)
    return {"$schema": DIALECT, **made, "title": "A workflow of Belfry"}


def text() -> str:
    """As it is stored."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
