"""Slack: one channel, through an incoming webhook."""

from __future__ import annotations

from shared.settings import Setting
from shared.settings.checks import url

SETTINGS = (
    Setting(
        "SLACK_WEBHOOK_URL",
        "",
        "Webhook of the Slack channel that gets alerts.",
        secret=True,
        check=url,
    ),
)
