"""Sends to Slack, through an incoming webhook. https://api.slack.com/messaging/webhooks"""

from __future__ import annotations

from shared.notifications.content import Content, Receipt
from shared.notifications.model import Entry
from shared.notifications.post import post
from shared.settings import Secret, Values
from shared.text import cut

_MOST = 8_000
"""Slack accepts 40,000 characters, and escaping turns one into up to five."""


def sender(values: Values) -> Slack:
    """The channel's sender, made from the values of its settings."""
    return Slack(values["SLACK_WEBHOOK_URL"])


class Slack:
    """The channel that the webhook belongs to."""

    def __init__(self, url: Secret) -> None:
        self._url = url

    def send(self, _entry: Entry, content: Content) -> Receipt:
        """Send it as plain text. Slack returns no id."""
        text = cut(f"{content.subject}\n\n{content.text}", _MOST)
        body = {"text": _escaped(text), "mrkdwn": False, "unfurl_links": False}
        post("slack", self._url, body, [self._url])
        return Receipt()


def _escaped(text: str) -> str:
    """Escape the three characters of which control sequences consist, such as `<!channel>`.

    https://api.slack.com/reference/surfaces/formatting#escaping
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
