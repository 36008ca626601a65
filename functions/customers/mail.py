"""Mails what a customer wrote to the addresses that a schedule, or a step of a workflow, names
(C12, docs/mails.md).

A person approves each job (O5). Each address gets one mail for each occurrence, and in a workflow
for each run, step and item, however often the job is tried.
"""

from __future__ import annotations

from shared.mails.params import MailParams
from shared.mails.port import MailService
from shared.tasks import Impact, JobContext, Preview, Proposed, Result, Retry, task


def fits(params: MailParams, proposed: Proposed, mails: MailService) -> None:
    """Raise `Invalid` unless what it leads to is there."""
    mails.hold(params, proposed)


def shown(params: MailParams, job: JobContext, mails: MailService) -> Preview:
    """What will be sent, and to whom."""
    return mails.preview(params, job)


@task(
    "mail",
    impact=Impact.C,
    timeout_seconds=600,
    retry=Retry(attempts=5, first_delay_seconds=60),
    check=fits,
    preview=shown,
    for_projects=True,
    dry_run=True,
    repeatable=True,
)
def mail(job: JobContext, params: MailParams, mails: MailService) -> Result:
    """Mails a text of the customer's own to up to 50 addresses, each once."""
    return mails.send(params, job)
