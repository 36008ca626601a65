"""Sends to Telegram, through a bot. https://core.telegram.org/bots/api#sendmessage

The bot's token is part of the URL; `post` says how it is kept out of errors and logs.
"""

from __future__ import annotations

from shared.notifications.content import Content, Receipt
from shared.notifications.model import Entry
from shared.notifications.post import post
from shared.settings import Secret, Values
from shared.text import cut

_MOST = 4096
"""The most characters in one Telegram message."""


def sender(values: Values) -> Telegram:
    """The channel's sender, made from the values of its settings."""
    url = values["TELEGRAM_URL"].reveal().rstrip("/")
    return Telegram(values["TELEGRAM_BOT_TOKEN"], values["TELEGRAM_CHAT_ID"].reveal(), url)


class Telegram:
    """One chat."""

    def __init__(self, token: Secret, chat_id: str, url: str) -> None:
        self._token = token
        self._chat_id = chat_id
        self._url = url

    def send(self, _entry: Entry, content: Content) -> Receipt:
        """Send it as plain text: without a `parse_mode`, Telegram looks for no markup in it."""
        body = {
            "chat_id": self._chat_id,
            "text": cut(f"{content.subject}\n\n{content.text}", _MOST),
            "link_preview_options": {"is_disabled": True},
        }
        url = Secret(f"{self._url}/bot{self._token.reveal()}/sendMessage")
        answer = post("telegram", url, body, [self._token])
        result = answer.json.get("result")
        number = result.get("message_id", "") if isinstance(result, dict) else ""
        return Receipt(provider_id=str(number))
