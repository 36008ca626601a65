"""Microsoft Teams: one channel, through a webhook of Workflows."""

from __future__ import annotations

from shared.settings import Setting
from shared.settings.checks import url

SETTINGS = (
    Setting(
        "TEAMS_WEBHOOK_URL",
        "",
        "Webhook of the Teams channel that gets alerts (Workflows: When a webhook request comes).",
        secret=True,
        check=url,
    ),
)
