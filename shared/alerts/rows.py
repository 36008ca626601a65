"""Converts alerts to rows and back; `book` explains the keys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from shared.alerts.model import Alert, AlertState, Named, Telling, Word
from shared.alerts.port import AlertKind
from shared.errors import Damaged


def properties(alert: Alert) -> dict[str, Any]:
    """The row's properties."""
    return {
        "kind": alert.kind.value,
        "about": alert.about,
        "opened_at": _stamp(alert.opened_at),
        "state": alert.state.value,
        "since": _stamp(alert.since),
        "text": alert.text,
        "count": alert.count,
        "level": alert.level,
        "names": json.dumps([asdict(one) for one in alert.names]),
        "tellings": alert.tellings,
        "told": alert.told.value if alert.told is not None else "",
        "told_at": _stamp(alert.told_at),
        "told_count": alert.told_count,
        "told_names": alert.told_names,
        "told_level": alert.told_level,
        "pending": "" if alert.pending is None else json.dumps(asdict(alert.pending)),
        "acknowledged_at": _stamp(alert.acknowledged_at),
        "acknowledged_by": alert.acknowledged_by,
    }


def to_alert(row: Mapping[str, Any]) -> Alert:
    """The alert in a row. Raises `Damaged` if it cannot be read."""
    try:
        return Alert(
            kind=AlertKind(row["kind"]),
            about=row["about"],
            opened_at=datetime.fromisoformat(row["opened_at"]),
            state=AlertState(row["state"]),
            since=datetime.fromisoformat(row["since"]),
            text=row["text"],
            count=row["count"],
            level=row["level"],
            names=tuple(Named(**one) for one in json.loads(row["names"])),
            tellings=row["tellings"],
            told=AlertState(row["told"]) if row["told"] else None,
            told_at=_instant(row["told_at"]),
            told_count=row["told_count"],
            told_names=row["told_names"],
            told_level=row["told_level"],
            pending=_pending(row["pending"]),
            acknowledged_at=_instant(row["acknowledged_at"]),
            acknowledged_by=row["acknowledged_by"],
            etag=row["etag"],
        )
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        raise Damaged(f"the alert's row {row['RowKey']} cannot be read ({error!r:.200})") from error


def _pending(text: str) -> Telling | None:
    if not text:
        return None
    said = json.loads(text)
    return Telling(**{**said, "word": Word(said["word"])})


def _stamp(at: datetime | None) -> str:
    return "" if at is None else at.astimezone(UTC).isoformat()


def _instant(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
