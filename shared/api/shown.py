"""What the API returns: shapes that pydantic reads from our own values, attribute by attribute."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, AliasChoices, AliasPath, BaseModel, ConfigDict, Field


class Shown(BaseModel):
    """What the API returns. `model_validate` reads each field from the attribute of its name, or
    from the one that `at` names; several values are read as one if a `SimpleNamespace` holds them.
    """

    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)


def at(path: str) -> Any:
    """A field that is read from the attribute at that path, such as `recurrence.timezone`. It is
    None if the path leads through None."""
    names = path.split(".")
    # pydantic takes the first that it finds: if a part is None, it finds the part itself
    ways = (AliasPath(*names[:length]) for length in range(len(names), 0, -1))
    return Field(validation_alias=AliasChoices(*ways))


def _where(job_id: str) -> str:
    return f"queued; see /api/v1/jobs/{job_id}"


Queued = Annotated[str, AfterValidator(_where)]
"""Says where a job that was asked for can be read; it is read from the job's id."""
