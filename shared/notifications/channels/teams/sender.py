"""Sends to Microsoft Teams: an Adaptive Card, through a webhook of Workflows.

https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using
The older connectors, which Microsoft is retiring, accept the same body. A connector that throttles
answers 200, with the error in the text.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from shared.notifications.content import Content, Receipt
from shared.notifications.model import Entry, Later
from shared.notifications.post import post
from shared.settings import Secret, Values
from shared.text import cut

_MOST = 3_500
"""The longest text, in units of UTF-16; in JSON, each takes at most six bytes."""
_BYTES = 24_000
"""How much of the 28 KB of a card is for the text."""
_THROTTLED = "HTTP error 429"
_PAUSE = timedelta(minutes=1)


def sender(values: Values) -> Teams:
    """The channel's sender, made from the values of its settings."""
    return Teams(values["TEAMS_WEBHOOK_URL"])


class Teams:
    """The channel or chat that the webhook belongs to."""

    def __init__(self, url: Secret) -> None:
        self._url = url

    def send(self, _entry: Entry, content: Content) -> Receipt:
        """Send it as a card. Teams returns no id."""
        answer = post("teams", self._url, _message(content), [self._url])
        if _THROTTLED in answer.text:
            raise Later("teams", "answered 429 in its text", _PAUSE)
        return Receipt()


def _message(content: Content) -> dict[str, Any]:
    """A card made of RichTextBlocks, which show text as it is. A TextBlock would read it as
    Markdown, and take the underscores in a table's name for emphasis."""
    lines = [line for line in _cut(content.text).splitlines() if line.strip()]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": [_line(content.subject, weight="Bolder", size="Medium"), *map(_line, lines)],
    }
    kind = "application/vnd.microsoft.card.adaptive"
    return {
        "type": "message",
        "attachments": [{"contentType": kind, "contentUrl": None, "content": card}],
    }


def _cut(text: str) -> str:
    """The text, cut to as many lines as fit into a card."""
    kept: list[str] = []
    size = 0
    for line in cut(text, _MOST).splitlines():
        size += len(json.dumps(_line(line)))
        if size > _BYTES:
            return "\n".join([*kept, "..."])
        kept.append(line)
    return "\n".join(kept)


def _line(text: str, **how: str) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **how}]}
