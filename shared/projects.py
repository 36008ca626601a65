"""A project in names: of partitions, folders of blobs, secrets. What belongs to no project has the
same word there as in the API (`project_id=none`)."""

from __future__ import annotations

NONE = "none"


def name_of(project_id: int | None) -> str:
    """`42`, or `none`."""
    return NONE if project_id is None else str(project_id)


def project_of(name: str) -> int | None:
    """The project of such a name. Raises `ValueError` for any other text."""
    return None if name == NONE else int(name)
