"""`python -m functions billing`: how the billing stands, a person's word that it goes on, and the
comparison of the ledger with Stripe. It needs no storage account; if one is set, the audit is told
of what a person changes."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from shared import settings
from shared.audit.port import Action, Subject
from shared.cli import typed
from shared.cli.audited import audited
from shared.cli.typed import Typed
from shared.clock import SystemClock
from shared.data import names, schema
from shared.errors import Invalid
from shared.log import instant

if TYPE_CHECKING:
    from shared.billing.service import Billing

NAME = "billing"
_HOW = (
    f"write `python -m functions {NAME} status`, `... resume by=NAME [day=2030-01-31]`, "
    "`... reconcile [days=90] [--repair]` or `... retry fee=NUMBER`"
)
_DAYS = 90


def main(asked: Typed) -> int:
    """The exit code: 0 if nothing is left to do, 1 if something is. Raises `BelfryError`."""
    if asked.help:
        sys.stdout.write(typed.help_of(None))
        return 0
    word, *rest = asked.parameters or ("",)
    act = _ACTS.get(word)
    if act is None or (asked.repair and word != "reconcile"):
        raise Invalid("parameters", _HOW)
    given = _given(rest, act)
    settings.load_local(Path("local.settings.json"))
    read = settings.load_for_billing()
    names.use(names.read(read.data.names))
    schema.check(read.data.url)
    from shared.billing.service import Billing

    billing = Billing(read, SystemClock())
    if act.action is None or (word == "reconcile" and not asked.repair):
        return act.run(billing, given, asked.repair)
    with audited(read.storage, read.prefix, act.action, Subject("billing", word)) as change:
        code = act.run(billing, given, asked.repair)
        change.after = {**given, "exit_code": code}
    return code


def _given(words: list[str], act: _Act) -> Mapping[str, str]:
    pairs = [word.partition("=") for word in words]
    found = {name: value for name, _, value in pairs}
    wrong = any(not value for _, _, value in pairs) or len(found) < len(pairs)
    if wrong or not found.keys() <= {*act.needs, *act.takes} or not act.needs <= found.keys():
        raise Invalid("parameters", _HOW)
    return found


def _status(billing: Billing, _given: Mapping[str, str], _repair: bool) -> int:
    found = billing.overview()
    state = "paused" if found.switch.is_paused else "running"
    _say({"state": state} | dataclasses.asdict(found))
    return 1 if found.tenants_left or found.failed else 0


def _resume(billing: Billing, given: Mapping[str, str], _repair: bool) -> int:
    switch, did, mine = billing.resume(given["by"], _day(given.get("day")))
    before = f"{switch.resumed_by} resumed it before, for the days up to {switch.resumed_for}"
    note = {} if mine else {"note": f"billing runs already: {before}; the switch stays as it is"}
    _say(note | dataclasses.asdict(switch) | dataclasses.asdict(did))
    return 1 if did.left else 0


def _reconcile(billing: Billing, given: Mapping[str, str], repair: bool) -> int:
    days = _number("days", given.get("days", str(_DAYS)))
    found = left = 0
    for one in billing.reconcile(days, repair=repair):
        sys.stdout.write(json.dumps(dataclasses.asdict(one), ensure_ascii=False) + "\n")
        found, left = found + 1, left + (not one.repaired)
    _say({"days": days, "differences": found, "repaired": found - left})
    return 1 if left else 0


def _retry(billing: Billing, given: Mapping[str, str], _repair: bool) -> int:
    fee = _number("fee", given["fee"])
    billing.retry(fee)
    _say({"fee": fee, "status": "due"})
    return 0


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise Invalid("day", f"{text!r} is no day; write it as 2030-01-31") from None


def _number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 10):
        raise Invalid(name, f"{name}={text} is no whole number, such as {name}=7")
    return int(text)


def _say(facts: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(facts, indent=2, ensure_ascii=False, default=_written) + "\n")


def _written(value: object) -> str:
    return instant(value) if isinstance(value, datetime) else str(value)


@dataclasses.dataclass(frozen=True, slots=True)
class _Act:
    """A word, and the parameters that it needs and takes."""

    run: Callable[[Billing, Mapping[str, str], bool], int]
    needs: frozenset[str] = frozenset()
    takes: frozenset[str] = frozenset()
    action: Action | None = None
    """What the audit is told; None: it changes nothing."""


_ACTS = {
    "status": _Act(_status),
    "resume": _Act(_resume, frozenset({"by"}), frozenset({"day"}), Action.RESUME),
    "reconcile": _Act(_reconcile, takes=frozenset({"days"}), action=Action.CHANGE),
    "retry": _Act(_retry, frozenset({"fee"}), action=Action.RETRY),
}
