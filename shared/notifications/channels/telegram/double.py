"""The test double of Telegram."""

from __future__ import annotations

from shared.notifications.double import Double, Reply

DOUBLE = Double(
    settings=lambda url: {
        "TELEGRAM_BOT_TOKEN": "12345:t0ken-hush",
        "TELEGRAM_CHAT_ID": "-100777",
        "TELEGRAM_URL": url,
    },
    path="/bot12345:t0ken-hush/sendMessage",
    secret="12345:t0ken-hush",
    well=Reply(200, '{"ok": true, "result": {"message_id": 77}}'),
)
