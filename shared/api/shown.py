"""What the API returns: shapes, whose fields pydantic reads from the attributes of Belfry's own
objects."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, AliasChoices, AliasPath, BaseModel, ConfigDict, Field


class Shown(BaseModel):
    """The base of all shapes that the API returns. `model_validate` reads each field from the
    attribute of the same name, or from the one that `at` names. To make one shape from several
    objects, pass them in a `SimpleNamespace`."""

    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)


def at(path: str) -> Any:
    """A field that is read from the attribute at that path, such as `recurrence.timezone`. It is
    None if an attribute on the path is None."""
    names = path.split(".")
    # pydantic takes the first alias that it can read: if a part is None, that is the part itself
    ways = (AliasPath(*names[:length]) for length in range(len(names), 0, -1))
    return Field(validation_alias=AliasChoices(*ways))


def _where(job_id: str) -> str:
    return f"queued; see /api/v1/jobs/{job_id}"


Queued = Annotated[str, AfterValidator(_where)]
"""Made from a job's id: a text that says where to read about the job."""
