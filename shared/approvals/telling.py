"""Tells approvers that a job waits for them: by mail with a link of their own, and in chats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shared.approvals import approvers, links
from shared.approvals.model import Approval
from shared.log import instant
from shared.notifications.kinds import printable
from shared.notifications.service import Notifications
from shared.settings import ApprovalSettings
from shared.storage.tables.facts import Meta
from shared.text import cut

KIND = "approval_waiting"
_ONCE, _AGAIN = "Waits", "Still waits"
_FACTS = 30
_SHOWN = 1_500
"""Units of UTF-16 of the text that a message repeats; the page has all of it."""


@dataclass(frozen=True, slots=True)
class Telling:
    """Tells people. Each place gets one message, and one reminder, however often it is asked."""

    notifications: Notifications
    meta: Meta
    settings: ApprovalSettings

    def __call__(self, approval: Approval, *, again: bool = False) -> None:
        """Tell all who may decide. `again`: remind them. Raises `Unavailable` or `Refused` if
        storage fails; sending itself is retried by the outbox."""
        word = "reminder" if again else "asked"
        for channel, address in approvers.told(self.settings.approvers, approval):
            key, link = f"approval:{approval.id}:{word}", self.link(approval, address)
            if channel == approvers.MAIL:
                data = _data(approval, link, again)
                self.notifications.mail_persons(key=key, kind=KIND, to=[address], data=data)
            else:
                subject = f"{_AGAIN if again else _ONCE} for approval: {_line(approval.what)}"
                text = "\n".join(_lines(approval, link))
                self.notifications.tell([(channel, "")], key=key, subject=subject, text=text)

    def link(self, approval: Approval, recipient: str) -> str:
        """The link to an approval for whoever gets it; empty if nobody knows where the app is."""
        if not self.settings.url:
            return ""
        text = links.token(self.meta.secret(links.KEY), links.link_for(approval, recipient))
        return f"{self.settings.url}{links.PATH}/{text}"


def _data(approval: Approval, link: str, again: bool) -> Mapping[str, object]:
    """What a mail is filled with."""
    shown = approval.preview
    return {
        "word": "reminder" if again else "waits",
        "title": shown.title or approval.task,
        "text": shown.text,
        "recipients": shown.recipient_count,
        "amount": shown.amount,
        "target": shown.target,
        "facts": [[name, value] for name, value in shown.facts.items() if name][:_FACTS],
        "schedule": approval.schedule_name or approval.schedule_id,
        "task": approval.task,
        "project": "" if approval.project_id is None else str(approval.project_id),
        "asked_by": approval.requested_by,
        "persons": approval.needed,
        "until": approval.expires_at.isoformat(),
        "timezone": "UTC",
        "approval_id": approval.id,
        "link": link,
    }


def _line(text: str) -> str:
    """Other people's text as one line, so that it cannot look like a line of ours."""
    return printable(text, 600)


def _lines(approval: Approval, link: str) -> Iterator[str]:
    """What people read of it."""
    shown = approval.preview
    yield _line(shown.title)
    yield ""
    if shown.text:
        lines = cut(shown.text, _SHOWN).splitlines()
        yield from (*(f"> {printable(one, _SHOWN)}" for one in lines), "")
    own = {
        "Recipients": str(shown.recipient_count) if shown.recipient_count else "",
        "Amount": shown.amount,
        "To": shown.target,
    }
    known = {
        "Task": f"{approval.task} (class {approval.impact})",
        "Schedule": f"{approval.schedule_name} ({approval.schedule_id})",
        "Project": "none" if approval.project_id is None else str(approval.project_id),
        "Asked for by": approval.requested_by,
        "Decide until": instant(approval.expires_at, "seconds"),
        "Persons needed": str(approval.needed) if approval.needed > 1 else "",
    }
    for said in (own, shown.facts, known):  # a fact takes no other's place, whatever it is called
        yield from (_line(f"{name}: {value}") for name, value in said.items() if value)
    yield ""
    yield f"All of it: {link}" if link else f"All of it: GET /api/approvals/{approval.id}"
    yield "To decide, use the link in your own mail, or the API."
