"""Converts keys to rows and back; `table` explains the row keys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from shared.access.caller import Role
from shared.access.keys import Key
from shared.errors import Damaged


def properties(key: Key) -> dict[str, Any]:
    """The row's properties."""
    return {
        "hash": key.hash,
        "name": key.name,
        "role": key.role.value,
        "projects": "" if key.projects is None else json.dumps(sorted(key.projects)),
        "created_at": _stamp(key.created_at),
        "created_by": key.created_by,
        "expires_at": _stamp(key.expires_at),
        "last_used_at": _stamp(key.last_used_at),
        "revoked_at": _stamp(key.revoked_at),
        "revoked_by": key.revoked_by,
        "revision": key.revision,
    }


def to_key(key_id: str, row: Mapping[str, Any]) -> Key:
    """The key in a row. Raises `Damaged` if it cannot be read: then it opens nothing."""
    try:
        projects = json.loads(row["projects"]) if row["projects"] else None
        return Key(
            id=key_id,
            hash=row["hash"],
            name=row["name"],
            role=Role(row["role"]),
            projects=None if projects is None else frozenset(int(one) for one in projects),
            created_at=datetime.fromisoformat(row["created_at"]),
            created_by=row["created_by"],
            expires_at=_instant(row["expires_at"]),
            last_used_at=_instant(row["last_used_at"]),
            revoked_at=_instant(row["revoked_at"]),
            revoked_by=row["revoked_by"],
            revision=int(row.get("revision", 1)),  # rows of before there were revisions
            etag=row["etag"],
        )
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        raise Damaged(f"the row of key {key_id} cannot be read ({error!r:.200})") from error


def _stamp(at: datetime | None) -> str:
    return "" if at is None else at.astimezone(UTC).isoformat()


def _instant(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
