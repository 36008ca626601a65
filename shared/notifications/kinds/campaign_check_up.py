"""To an owner: a campaign's message to somebody who has not come for a while (O2)."""

from __future__ import annotations

from shared.notifications.kinds import SMS, Data, Kind, Name


class Invitation(Data):
    """What an invitation says."""

    tenant: Name


KIND = Kind(channel=SMS, data=Invitation, sample={"tenant": "Tierarztpraxis Müller"})
