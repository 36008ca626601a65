"""Telegram: one chat, through a bot."""

from __future__ import annotations

from shared.settings import Setting
from shared.settings.checks import url

SETTINGS = (
    Setting(
        "TELEGRAM_BOT_TOKEN",
        "",
        "Token of the bot that sends alerts to Telegram; TELEGRAM_CHAT_ID belongs to it.",
        secret=True,
    ),
    Setting("TELEGRAM_CHAT_ID", "", "The chat that gets them."),
    Setting(
        "TELEGRAM_URL",
        "https://api.telegram.org",
        "Where Telegram answers.",
        secret=True,
        check=url,
    ),
)
