"""The rules for approvals: how long one may wait, and how many persons it takes. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from shared.settings import ApprovalSettings
from shared.tasks import Params

PERSONS = "approvers"
"""The tag of a step's schedule that says how many persons must approve: it may only ask for more
than the rules do."""
BOTH = 2


def needed(
    settings: ApprovalSettings, task: str, params: Params, tags: Mapping[str, str], *, step: bool
) -> tuple[int, str]:
    """(how many persons must approve a job, by which rule). It is fixed when it is asked for."""
    if task in settings.two_persons or "*" in settings.two_persons:
        return BOTH, "APPROVALS_TWO_PERSONS"
    if getattr(params, "two_persons", False) is True:
        return BOTH, "two_persons"
    if step and tags.get(PERSONS) == str(BOTH):
        return BOTH, "the step"
    return 1, "one person"
