"""To an owner: a campaign's message to somebody who came once (O2)."""

from __future__ import annotations

from shared.notifications.kinds import SMS, Kind
from shared.notifications.kinds.campaign_check_up import Invitation

KIND = Kind(channel=SMS, data=Invitation, sample={"tenant": "Happy Paws Clinic"})
