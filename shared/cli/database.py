"""`python -m functions database`: whether the company's database fits this version, and making it
fit. It needs no storage account: a deployment upgrades the database before the app is there. If one
is set, the audit is told."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from shared import settings
from shared.audit.port import Action, Subject
from shared.cli import typed
from shared.cli.audited import audited
from shared.cli.typed import Typed
from shared.data import names, schema
from shared.data.engines import shown
from shared.errors import Invalid
from shared.settings import Secret

NAME = "database"


def main(asked: Typed) -> int:
    """The exit code: 0 if the database fits, 1 if it does not. Raises `BelfryError`."""
    if asked.help:
        sys.stdout.write(typed.help_of(None))
        return 0
    if asked.parameters not in (("status",), ("upgrade",)):
        raise Invalid("parameters", f"write `python -m functions {NAME} status`, or `... upgrade`")
    settings.load_local(Path("local.settings.json"))
    data = settings.load_for_data()
    names.use(names.read(data.names))
    return _upgrade(data.url) if asked.parameters == ("upgrade",) else _status(data.url)


def _status(url: Secret) -> int:
    found = schema.look(url)
    _say(url, schema=found.version, problem=found.problem)
    return 0 if found.problem is None else 1


def _upgrade(url: Secret) -> int:
    from shared.data.migrations.run import upgrade

    where = settings.load_for_audit()
    account, prefix = (where.account, where.prefix) if where else (None, "")
    with audited(account, prefix, Action.CHANGE, Subject("database", NAME)) as change:
        before = upgrade(url)
        after = schema.look(url)
        changed = before.problem is not None
        change.after = {"before": before.version, "schema": after.version, "changed": changed}
    _say(url, before=before.version, schema=after.version, changed=changed, problem=after.problem)
    return 0 if after.problem is None else 1


def _say(url: Secret, **facts: object) -> None:
    said = {"database": shown(url), "code": schema.HEAD} | facts
    sys.stdout.write(json.dumps(said, indent=2, ensure_ascii=False) + "\n")
