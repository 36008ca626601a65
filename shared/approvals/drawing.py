"""The page of an approval, which a link opens. Nothing is loaded, and no script runs; all that is
shown is other people's own text, and is escaped."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from shared import page as shared_page
from shared.approvals.deciding import told
from shared.approvals.model import Answer, Approval
from shared.log import instant

if TYPE_CHECKING:
    from jinja2 import Template

_TEMPLATES = Path(__file__).parent / "templates"


def page(approval: Approval, form: str, recipient: str, said: str = "") -> str:
    """The page. `form`: the token of its form; empty if nothing can be decided there. `said`: what
    is to be said first."""
    return _template().render(
        title=approval.preview.title,
        approval=approval,
        facts=list(_facts(approval)),
        form=form if approval.pending else "",
        said=said or _standing(approval, recipient),
        style=style(),
    )


def wrong(said: str) -> str:
    """The page of a link that opens nothing."""
    return _template().render(
        title="Nothing to decide", approval=None, facts=[], form="", said=said, style=style()
    )


@functools.cache
def style() -> str:
    """The page's style sheet, which stands in it."""
    return (_TEMPLATES / "approval.css").read_text()


@functools.cache
def policy() -> str:
    """The page's content security policy: this very style sheet, and a form that goes back."""
    return shared_page.policy(style(), "'self'")


def _standing(approval: Approval, recipient: str) -> str:
    """How it stands, for whose link it is."""
    if not approval.pending:
        return f"It {told(approval)}. Nothing is left to decide."
    mine = approval.vote_of(recipient)
    if mine is not None and mine.answer is Answer.APPROVE:
        return f"You approved it at {instant(mine.at)}. Somebody else must approve it, too."
    if not recipient:
        return "To decide, open the link in the mail that you got, or use the API with your key."
    return f"It waits for you until {instant(approval.expires_at)}."


def _facts(approval: Approval) -> Iterator[tuple[str, str]]:
    shown = approval.preview
    some = ", ".join(shown.recipients)
    more = shown.recipient_count - len(shown.recipients)
    own = {
        "Recipients": str(shown.recipient_count) if shown.recipient_count else "",
        "Among them": f"{some} and {more} more" if some and more > 0 else some,
        "Amount": shown.amount,
        "Goes to": shown.target,
    }
    known = {
        "Task": f"{approval.task}, class {approval.impact}",
        "Parameters": approval.parameters,
        "Schedule": f"{approval.schedule_name} ({approval.schedule_id})",
        "Job": approval.job_id,
        "Due": instant(approval.due_at),
        "Project": "none" if approval.project_id is None else str(approval.project_id),
        "Asked for by": f"{approval.requested_by}, at {instant(approval.requested_at)}",
        "Decide until": instant(approval.expires_at),
        "Persons needed": f"{approval.needed} ({approval.policy})",
        "Approved by": ", ".join(approval.approvers),
        "Digest": approval.digest,
    }
    for said in (own, shown.facts, known):  # a fact takes no other's place, whatever it is called
        yield from ((name, value) for name, value in said.items() if value)


@functools.cache
def _template() -> Template:
    return shared_page.template(_TEMPLATES, "approval.html.j2")
