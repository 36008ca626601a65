"""The company's tables as SQLAlchemy models, one file a subject.

Importing them imports SQLAlchemy: do it where they are used, not at the top of what a cold start
loads. The tables' and columns' names are those of `shared.data.names`.
"""

from shared.data.models.appointments import Appointment, AppointmentStatus, FeeStatus, NoShowFee
from shared.data.models.base import Base
from shared.data.models.billing import (
    BillingState,
    BillingStep,
    BillingSwitch,
    StepName,
    StepState,
    TenantBilling,
)
from shared.data.models.marketing import (
    Campaign,
    CampaignRecipient,
    CampaignState,
    MarketingCycle,
    Part,
)
from shared.data.models.messages import MessageRequest
from shared.data.models.money import Cost, Revenue
from shared.data.models.owners import Owner, Pet
from shared.data.models.partners import Commission, Partner
from shared.data.models.reputation import (
    TOP_SCORE,
    Reputation,
    ReputationChange,
    ReputationWeek,
)
from shared.data.models.tenants import Role, Tenant, User
from shared.data.models.usage import UsageDay
from shared.data.models.vaccinations import Vaccination, VaccinationStatus

__all__ = [
    "TOP_SCORE",
    "Appointment",
    "AppointmentStatus",
    "Base",
    "BillingState",
    "BillingStep",
    "BillingSwitch",
    "Campaign",
    "CampaignRecipient",
    "CampaignState",
    "Commission",
    "Cost",
    "FeeStatus",
    "MarketingCycle",
    "MessageRequest",
    "NoShowFee",
    "Owner",
    "Part",
    "Partner",
    "Pet",
    "Reputation",
    "ReputationChange",
    "ReputationWeek",
    "Revenue",
    "Role",
    "StepName",
    "StepState",
    "Tenant",
    "TenantBilling",
    "UsageDay",
    "User",
    "Vaccination",
    "VaccinationStatus",
]
