"""Microsoft Teams, by a webhook of its Workflows, with an Adaptive Card.

https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using
The connectors that Microsoft retires take the same body; a throttled one answers 200 with the
error in its text.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from shared.notifications.model import Entry, Later
from shared.notifications.post import post
from shared.settings import Secret, Values
from shared.text import cut

_MOST = 3_500
"""Units of the text; in JSON each takes six bytes at most."""
_BYTES = 24_000
"""How much of the 28 KB that a message may have is for the text."""
_THROTTLED = "HTTP error 429"
_PAUSE = timedelta(minutes=1)


def sender(values: Values) -> Teams:
    """What sends, by the values of the channel's settings."""
    return Teams(values["TEAMS_WEBHOOK_URL"])


class Teams:
    """One channel or chat: the webhook's."""

    def __init__(self, url: Secret) -> None:
        self._url = url

    def send(self, entry: Entry) -> str:
        """Send it as a card. Teams gives it no id."""
        answer = post("teams", self._url, _message(entry), [self._url])
        if _THROTTLED in answer.text:
            raise Later("teams", "answered 429 in its text", _PAUSE)
        return ""


def _message(entry: Entry) -> dict[str, Any]:
    """A card made of RichTextBlocks, which show text as it is: a TextBlock reads it as Markdown, in
    which the underscores of a table's name are emphasis."""
    lines = [line for line in _cut(entry.text).splitlines() if line.strip()]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": [_line(entry.subject, weight="Bolder", size="Medium"), *map(_line, lines)],
    }
    kind = "application/vnd.microsoft.card.adaptive"
    return {
        "type": "message",
        "attachments": [{"contentType": kind, "contentUrl": None, "content": card}],
    }


def _cut(text: str) -> str:
    """As many lines of a text as a card can hold."""
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
