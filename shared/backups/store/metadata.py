"""A blob's metadata: one JSON object, sealed if the backup is, and never too long.

Azure refuses more than 8 KiB per blob, Azurite does not. So what goes there is kept short: a long
scope is cut to its beginning and a digest (`postgres.contents.Scope`), suspicions are cut here.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence

from shared.backups.model import Report, Summary
from shared.backups.store.encryption import Seal
from shared.errors import Refused
from shared.text import clean, cut

_METADATA = 8 * 1024
"""Bytes of metadata per blob, names and values, that Azure accepts. Azurite accepts more.
https://learn.microsoft.com/rest/api/storageservices/set-blob-metadata"""
_ROOM = 5500
"""Characters of JSON that fit there even when sealed: age adds 407 bytes at most (a part of its
header has a random length), base64 a third."""


def about_backup(summary: Summary, seal: Seal | None) -> dict[str, str]:
    """The metadata of a backup's blob and of its manifest. Raises `Refused` if it is too long,
    which cannot happen with any names that the API accepts."""
    return _metadata(summary.id, "summary", summary.to_json(), seal)


def about_report(report: Report, seal: Seal | None) -> dict[str, str]:
    """The metadata of a report. If the suspicions are long, only the first and how many more; the
    report itself has all. Raises `Refused` if it is too long even so."""
    values = report.to_json()
    room = _ROOM - len(_json(values | {"suspicions": []}))
    short = values | {"suspicions": _first(report.suspicions, room)}
    return _metadata(report.backup_id, "report", short, seal)


def _metadata(
    backup_id: str, name: str, values: Mapping[str, object], seal: Seal | None
) -> dict[str, str]:
    """The metadata in ASCII, sealed if there is a seal. Azure's limit is enforced here for all."""
    text = _json(values)
    said = text if seal is None else base64.b64encode(seal.seal(text.encode())).decode()
    made = {"backup_id": backup_id, name: said}
    size = sum(len(key) + len(value) for key, value in made.items())
    if size > _METADATA:
        longest = max(values, key=lambda key: len(_json(values[key])))
        raise Refused(
            "a blob's metadata",
            f"the {name} of backup {backup_id} needs {size} bytes, Azure takes {_METADATA} in "
            f"all; its {longest} is too long ({len(_json(values[longest]))} characters in JSON)",
        )
    return made


def _first(said: Sequence[str], room: int) -> list[str]:
    """As many as fit into `room` characters of JSON, and how many more there are. At least one,
    cut if needed, so that a suspicious backup never looks unsuspicious."""
    for kept in range(len(said), 0, -1):
        more = [f"and {len(said) - kept} more"] if kept < len(said) else []
        if len(_json([*said[:kept], *more])) <= room:
            return [*said[:kept], *more]
    if not said:
        return []
    first = cut(clean(said[0]), max(room - 40, 6) // 6)  # a unit takes 6 characters at most
    return [f"{first}...", f"and {len(said) - 1} more"] if said[1:] else [f"{first}..."]


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
