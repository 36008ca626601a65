"""The channels to people that the settings name."""

from __future__ import annotations

from shared.messages.model import Channel
from shared.messages.sending import Sender
from shared.settings import MessagingSettings


def channels_from(settings: MessagingSettings) -> dict[Channel, Sender]:
    """The configured channels; nothing is imported that only sending needs."""
    from shared.messages.sendgrid import SendGrid
    from shared.messages.slack import Slack
    from shared.messages.teams import Teams
    from shared.messages.telegram import Telegram

    found: dict[Channel, Sender] = {}
    if settings.sendgrid_api_key and settings.mail_from:
        found[Channel.MAIL] = SendGrid(
            settings.sendgrid_api_key, settings.mail_from, settings.sendgrid_url
        )
    if settings.telegram_bot_token and settings.telegram_chat_id:
        found[Channel.TELEGRAM] = Telegram(
            settings.telegram_bot_token, settings.telegram_chat_id, settings.telegram_url
        )
    if settings.slack_webhook_url:
        found[Channel.SLACK] = Slack(settings.slack_webhook_url)
    if settings.teams_webhook_url:
        found[Channel.TEAMS] = Teams(settings.teams_webhook_url)
    return found
