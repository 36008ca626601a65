"""What is stored, as a file that `belfry apply` takes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from belfry.client import Json
from belfry.code import comparing
from belfry.code.planning import mark
from belfry.code.wanted import MANAGED_BY, MANAGED_KEY
from belfry.problems import Exit, Failure

_FIRST = ("name", "project_id", "description", "task_type", "frequency")


def document(owner: str, schedules: Iterable[Json], calendars: Iterable[Json]) -> Json:
    """The file's value. Raises `Failure` if two calendars have one name.

    A schedule that is not the owner's has its id with it, so that applying the file takes it over
    instead of making another. System schedules are left out: code has them. Calendars of others
    are left out: they have nothing by which they could be taken over.
    """
    made: Json = {"owner": owner}
    if ours := _calendars(owner, calendars):
        made["calendars"] = ours
    found: Json = {}
    for one in schedules:
        if "system" in one["tags"] or one["tags"].get(MANAGED_BY, owner) != owner:
            continue
        key, entry = _schedule(owner, one)
        found[one["id"] if key in found else key] = entry
    made["schedules"] = found
    return made


def text(value: Mapping[str, Any]) -> str:
    """As YAML, without aliases."""
    import yaml

    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, _: Any) -> bool:
            return True

    # PyYAML writes these plainly, and then reads them as line breaks
    plain = not any(
        one in json.dumps(value, ensure_ascii=False) for one in "\x85\u2028\u2029\ufeff"
    )
    options: Any = {"sort_keys": False, "allow_unicode": plain, "width": 100}
    return str(yaml.dump(dict(value), Dumper=Plain, **options))


def _schedule(owner: str, one: Json) -> tuple[str, Json]:
    tags = {name: value for name, value in one["tags"].items() if not name.startswith("managed_")}
    stored = one | {"tags": tags}
    fields = [*_FIRST, *comparing.SCHEDULE_DEFAULTS, *comparing.OF_TASK]
    entry = {
        name: stored[name]
        for name in dict.fromkeys(fields)
        if name in stored and stored[name] != comparing.SCHEDULE_DEFAULTS.get(name)
    }
    if stored["calendars"]:
        entry["calendar_rule"] = stored["calendar_rule"]
    if stored["start_local"] is not None:
        entry.pop("start_time", None)
    if one["tags"].get(MANAGED_BY) == owner and MANAGED_KEY in one["tags"]:
        return one["tags"][MANAGED_KEY], entry
    return one["id"], {"id": one["id"], **entry}


def _calendars(owner: str, calendars: Iterable[Json]) -> Json:
    found: Json = {}
    for one in calendars:
        said, _, last = one["description"].rpartition("\n")
        if last != mark(owner):
            continue
        if one["name"] in found:
            raise Failure(Exit.WRONG, f"two calendars are named {one['name']}; export one project")
        fields = {**one, "description": said}
        names = ("project_id", *comparing.CALENDAR_DEFAULTS)
        found[one["name"]] = {
            name: fields[name]
            for name in names
            if fields[name] != comparing.CALENDAR_DEFAULTS.get(name)
        }
        if (holidays := found[one["name"]].get("holidays")) is not None:
            given = {name: value for name, value in holidays.items() if value is not None}
            found[one["name"]]["holidays"] = given
    return found
