"""`python -m functions audit verify`: walks the audit's chain and its anchors, and names what is
wrong. It changes nothing."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from shared import settings
from shared.audit.chain import Finding
from shared.cli import typed
from shared.cli.typed import Typed
from shared.errors import Invalid
from shared.log import instant
from shared.process import rehearsing
from shared.tasks import Registry

NAME = "audit"


def main(asked: Typed, tasks: Registry) -> int:
    """The exit code: 0 if the chain and its anchors fit, 1 if something is wrong. Raises
    `BelfryError`."""
    if asked.help:
        sys.stdout.write(typed.help_of(None))
        return 0
    if asked.parameters != ("verify",):
        raise Invalid("parameters", f"write `python -m functions {NAME} verify`")
    settings.load_local(Path("local.settings.json"))
    found = rehearsing(tasks, lambda _, now: now).audit.verify()
    said = {
        "good": found.good,
        "records": found.records,
        "head": {"number": found.head.number, "hash": found.head.digest},
        "archived_until": found.archived,
        "anchors": found.anchors,
        "last_anchor": found.last_anchor,
        "anchors_held": found.held,
        "wrong": found.wrong,
        "findings": [_shown(one) for one in found.findings],
    }
    sys.stdout.write(json.dumps(said, indent=2, ensure_ascii=False) + "\n")
    return 0 if found.good else 1


def _shown(one: Finding) -> dict[str, object]:
    since = None if one.at is None else instant(one.at)
    return {"wrong": one.wrong.value, "record": one.number, "since": since, "text": one.text}
