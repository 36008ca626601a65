"""Sends mail, with SendGrid's library.

https://www.twilio.com/docs/sendgrid/api-reference/mail-send
"""

from __future__ import annotations

import base64
import re
from http.client import HTTPException
from typing import Any

from shared import tracing
from shared.errors import BelfryError, Misconfigured, Refused, Unavailable
from shared.notifications.answers import failure
from shared.notifications.content import Content, Receipt
from shared.notifications.hiding import hidden, hide
from shared.notifications.model import Entry
from shared.settings import Secret, Values

_TIMEOUT = 20
"""In seconds; the library itself sets no timeout."""
NOTIFICATION = "notification_id"
"""The argument by which SendGrid's events name the notification. They are stored there for long, so
nothing in it says who somebody is."""
_ADDRESS = re.compile(r"[^@\s<>,;\"()\x00-\x20]{1,64}@[^@\s<>,;\"()\x00-\x20]{1,255}")


def sender(values: Values) -> SendGrid:
    """The channel's sender, made from the values of its settings."""
    url = values["SENDGRID_URL"].reveal().rstrip("/")
    return SendGrid(values["SENDGRID_API_KEY"], values["MAIL_FROM"].reveal(), url)


class SendGrid:
    """Mail from one sender."""

    def __init__(self, key: Secret, sender: str, url: str) -> None:
        self._key = key
        self._sender = sender
        self._url = url

    def send(self, entry: Entry, content: Content) -> Receipt:
        """Mail it as text, and as HTML with its images if there is any; the receipt has SendGrid's
        id for it. It refuses for good what is too large (413), and what it finds wrong (400)."""
        if not _ADDRESS.fullmatch(entry.recipient):
            raise Refused("sendgrid", "the recipient is no e-mail address")
        from python_http_client.exceptions import HTTPError
        from sendgrid import SendGridAPIClient

        mail = self._mail(entry, content)
        hide("python_http_client.client", [self._key])
        problem: BelfryError
        try:
            client: Any = SendGridAPIClient(self._key.reveal(), host=self._url)
            client.client.timeout = _TIMEOUT
            with tracing.call("POST", self._url) as call:
                try:
                    answer = client.send(mail)
                except HTTPError as error:
                    call.answered(int(error.status_code))
                    raise
                call.answered(answer.status_code)
            if 200 <= answer.status_code < 300:
                return Receipt(provider_id=str(answer.headers.get("X-Message-Id") or ""))
            problem = failure("sendgrid", answer.status_code, "", answer.headers)
        except HTTPError as error:
            text = bytes(error.body or b"").decode(errors="replace")
            said = hidden(text, [self._key])
            problem = failure("sendgrid", int(error.status_code), said, error.headers or {})
        except (OSError, HTTPException) as error:  # URLError and timeouts are OSErrors
            problem = Unavailable("sendgrid", f"did not answer ({_name(error)})")
        except ValueError as error:
            problem = Misconfigured(f"sendgrid: its key or its URL cannot be used ({_name(error)})")
        raise problem  # outside `except`: the library's error, which has the headers, is dropped

    def _mail(self, entry: Entry, content: Content) -> Any:
        """The request, as an object of the library."""
        from sendgrid.helpers.mail import Attachment, CustomArg, Mail

        mail = Mail(
            from_email=self._sender,
            to_emails=entry.recipient,
            subject=content.subject or "(no subject)",
            plain_text_content=content.text or content.subject or "(no text)",
            html_content=content.html or None,
        )
        if content.reply_to:
            mail.reply_to = content.reply_to
        mail.add_custom_arg(CustomArg(NOTIFICATION, entry.id))
        for name, image in content.images.items():
            coded = base64.b64encode(image).decode("ascii")
            mail.add_attachment(Attachment(coded, f"{name}.png", "image/png", "inline", name))
        return mail


def _name(error: Exception) -> str:
    """The class of the error, or of its reason: URLError wraps the real error."""
    reason = getattr(error, "reason", None)
    return type(reason if isinstance(reason, Exception) else error).__name__
