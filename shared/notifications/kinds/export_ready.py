"""To addresses that a schedule names: an export is ready (C12)."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, NonNegativeInt, StringConstraints

from shared.notifications.kinds import MAIL, Data, Kind, Name, Timezone

Link = Annotated[str, StringConstraints(pattern=r"^https?://[\x21-\x7e]{1,2000}$")]
"""A URL of Belfry's own storage, or of its API."""


class ExportReady(Data):
    """A file that is there."""

    title: Name
    """What the file is about, such as `Runs`."""
    schedule: Name
    """The schedule's name."""
    period: Name
    """As people read it, with its zone."""
    file: Name
    row_count: NonNegativeInt
    bytes: NonNegativeInt
    figures: tuple[tuple[Name, Name], ...] = ()
    """Key figures: name and value."""
    link: Link
    link_ends_at: AwareDatetime
    timezone: Timezone
    """In which that end is told: the schedule's."""


KIND = Kind(
    channel=MAIL,
    to_customers=True,
    data=ExportReady,
    sample={
        "title": "Runs",
        "schedule": "Monday's report",
        "period": "2026-11-23 00:00 to 2026-11-30 00:00 (Europe/Berlin)",
        "file": "runs-20261130T060000Z.pdf",
        "row_count": 1_842,
        "bytes": 214_016,
        "figures": [["Runs", "1842"], ["Succeeded", "1833"], ["Failed", "9"]],
        "link": "https://example.blob.core.windows.net/belfry-exports/7/runs.pdf?sig=x",
        "link_ends_at": "2026-12-03T06:00:00Z",
        "timezone": "Europe/Berlin",
    },
)
