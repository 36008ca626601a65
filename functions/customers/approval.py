"""Asks a person, and does nothing else: a step of a workflow, or a schedule of its own.

python -m functions approval title="Send the invoices?"
"""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from shared.approvals.port import ApprovalService
from shared.tasks import Flag, Impact, JobContext, Params, Preview, Result, task

_Fact = Annotated[str, Field(max_length=500)]


class Question(Params):
    """What is asked."""

    title: str = Field(min_length=1, max_length=200)
    """The question, in a few words."""
    text: str = Field(default="", max_length=20_000)
    """All that a person must know to decide."""
    facts: Mapping[Annotated[str, Field(min_length=1, max_length=100)], _Fact] = Field(
        default_factory=dict, max_length=30
    )
    """What else matters, by its name."""
    two_persons: Flag = False
    """Whether two persons must approve."""


def shown(question: Question, job: JobContext) -> Preview:
    """The question, as it is asked."""
    del job
    return Preview(title=question.title, text=question.text, facts=dict(question.facts))


@task("approval", impact=Impact.C, timeout_seconds=60, preview=shown, for_projects=True)
def approval(job: JobContext, question: Question, approvals: ApprovalService) -> Result:
    """Waits until a person approves."""
    job.log("approved", title=question.title)
    return approvals.given(job)
