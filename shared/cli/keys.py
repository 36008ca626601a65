"""`python -m functions keys`: make, list and revoke keys of the API, with access to the storage
account and nothing else. So it helps where no key is left that could make another."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path

from shared import settings
from shared.access import Role
from shared.access.keys import Key
from shared.audit.recording import Recorder
from shared.cli import typed
from shared.cli.person import person
from shared.cli.typed import Typed
from shared.errors import Invalid
from shared.keys.service import Keys
from shared.keys.table import KeyTable
from shared.log import instant
from shared.storage.checked import CheckedClock
from shared.storage.connect import Connection
from shared.storage.failures import translated
from shared.storage.names import Names
from shared.text import is_clean

NAME = "keys"
_HOW = (
    f"write `python -m functions {NAME} create name=NAME role=admin [projects=1,2] "
    "[expires=2030-12-31]`, `... list` or `... revoke id=ID`"
)
_NAME_ROOM = 200


def main(asked: Typed) -> int:
    """The exit code. Raises `BelfryError`."""
    if asked.help:
        sys.stdout.write(typed.help_of(None))
        return 0
    word, *rest = asked.parameters or ("",)
    act = _ACTS.get(word)
    if act is None:
        raise Invalid("parameters", _HOW)
    given = _given(rest, act)
    settings.load_local(Path("local.settings.json"))
    act.run(_keys(CheckedClock()), given)
    return 0


def _keys(clock: CheckedClock) -> Keys:
    read = settings.load_for_storage()
    names, at = Names(read.prefix), Connection(read.account, clock=clock)
    table = KeyTable(at, names.keys)
    table.create()
    with translated("table storage"):
        at.create_table(names.audit)
    return Keys(table, clock, Recorder(at.table(names.audit), clock))


def _given(words: list[str], act: _Act) -> Mapping[str, str]:
    pairs = [word.partition("=") for word in words]
    found = {name: value for name, _, value in pairs}
    wrong = any(not value for _, _, value in pairs) or len(found) < len(pairs)
    if wrong or not found.keys() <= {*act.needs, *act.takes} or not act.needs <= found.keys():
        raise Invalid("parameters", _HOW)
    return found


def _create(keys: Keys, given: Mapping[str, str]) -> None:
    made = keys.create(
        person(),
        _name(given["name"]),
        _role(given["role"]),
        _projects(given.get("projects")),
        _end(given.get("expires")),
    )
    _say(_shown(made.key) | {"key": made.text})
    sys.stderr.write("Keep the key: it is shown this once. Send it as Authorization: Bearer KEY.\n")


def _list(keys: Keys, _given: Mapping[str, str]) -> None:
    for key in keys.all(person()):
        sys.stdout.write(json.dumps(_shown(key), ensure_ascii=False) + "\n")


def _revoke(keys: Keys, given: Mapping[str, str]) -> None:
    _say(_shown(keys.revoke(person(), given["id"], insist=True)))


def _name(text: str) -> str:
    if not (text.isprintable() and is_clean(text) and 0 < len(text.strip()) <= _NAME_ROOM):
        raise Invalid("name", f"give a name of one line and at most {_NAME_ROOM} characters")
    return text.strip()


def _role(text: str) -> Role:
    if text not in list(Role):
        raise Invalid("role", f"{text!r:.40} is no role; use {', '.join(Role)}")
    return Role(text)


def _projects(text: str | None) -> frozenset[int] | None:
    if text in (None, "all"):
        return None
    parts = [part.strip() for part in (text or "").split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) <= 18 for part in parts):
        raise Invalid("projects", f"{text!r:.60} is no list of numbers, such as 1,2, nor `all`")
    return frozenset(map(int, parts))


def _end(text: str | None) -> datetime | None:
    """The beginning of that day in UTC."""
    try:
        return None if text is None else datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        raise Invalid("expires", f"{text!r:.40} is no day; write it as 2030-12-31") from None


def _shown(key: Key) -> dict[str, object]:
    times = {
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "last_used_at": key.last_used_at,
        "revoked_at": key.revoked_at,
    }
    return {
        "id": key.id,
        "name": key.name,
        "role": key.role.value,
        "projects": "all" if key.projects is None else sorted(key.projects),
        "created_by": key.created_by,
    } | {name: at and instant(at, "seconds") for name, at in times.items()}


def _say(facts: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(facts, indent=2, ensure_ascii=False) + "\n")


@dataclass(frozen=True, slots=True)
class _Act:
    """A word, and the parameters that it needs and takes."""

    run: Callable[[Keys, Mapping[str, str]], None]
    needs: frozenset[str] = frozenset()
    takes: frozenset[str] = frozenset()


_ACTS = {
    "create": _Act(_create, frozenset({"name", "role"}), frozenset({"projects", "expires"})),
    "list": _Act(_list),
    "revoke": _Act(_revoke, frozenset({"id"})),
}
