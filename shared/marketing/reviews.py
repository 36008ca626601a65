"""Whether a campaign's message still makes sense, right before it is sent.

One query. Nothing heavy is imported before a message is there to review.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from shared.care.reviews import owner_columns, owner_of
from shared.notifications.port import Dropped, Ready, Review, Value
from shared.settings import Secret, Settings

if TYPE_CHECKING:
    from sqlalchemy import Select

CHECK_UP = "campaign_check_up"
SECOND_VISIT = "campaign_second_visit"
KINDS = (CHECK_UP, SECOND_VISIT)


def reviews(settings: Settings) -> Mapping[str, Review]:
    """The reviews of the campaigns' messages, by kind."""
    return {kind: partial(_recipient, settings.database_url) for kind in KINDS}


def _recipient(url: Secret, about: Mapping[str, Value], now: datetime) -> Ready | Dropped:
    """Drops the message if it is no longer of a campaign that is being sent, and if its owner came
    or has an appointment since the list was frozen."""
    from sqlalchemy import exists, or_, select

    from shared.data.database import reading
    from shared.data.models import (
        Appointment,
        AppointmentStatus,
        Campaign,
        CampaignRecipient,
        CampaignState,
        Owner,
        Part,
        Pet,
        Tenant,
    )

    came = exists().where(
        Pet.owner_id == Owner.id,
        Appointment.pet_id == Pet.id,
        Appointment.status != AppointmentStatus.CANCELLED,
        or_(Appointment.starts_at > Campaign.created_at, Appointment.starts_at > now),
    )
    query: Select[*tuple[Any, ...]] = (
        select(*owner_columns(), Campaign.state, came.label("came"))
        .select_from(CampaignRecipient)
        .join(Campaign, Campaign.id == CampaignRecipient.campaign_id)
        .join(Owner, Owner.id == CampaignRecipient.owner_id)
        .join(Tenant, Tenant.id == Owner.tenant_id)
        .where(
            CampaignRecipient.campaign_id == about["campaign_id"],
            CampaignRecipient.owner_id == about["owner_id"],
            CampaignRecipient.part == Part.WRITTEN_TO,
            Campaign.tenant_id == Owner.tenant_id,
        )
    )
    with reading(url) as session:
        row = session.execute(query).first()
    if row is None:
        return Dropped(reason="the owner is not in the campaign's list, or no longer a customer")
    if row.state not in (CampaignState.SENDING, CampaignState.SENT):
        return Dropped(reason=f"the campaign is {row.state.value}")
    if row.came:
        return Dropped(reason="the owner came or booked since the campaign was proposed")
    return Ready(owner=owner_of(row), data={"tenant": row.tenant})
