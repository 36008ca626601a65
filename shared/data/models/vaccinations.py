"""Vaccinations, which expire."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from sqlalchemy import ForeignKey, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from shared.data.models.base import Base, one_of
from shared.data.models.owners import Pet
from shared.data.models.tenants import Tenant
from shared.data.models.types import Choice


class VaccinationStatus(StrEnum):
    """As of the last run of the vaccination monitor."""

    VALID = "valid"
    EXPIRING = "expiring"
    EXPIRED = "expired"


class Vaccination(Base):
    """One vaccination. It is renewed by another row of the same pet and kind that expires later."""

    __tablename__ = "vaccinations"
    __table_args__ = (
        one_of("vaccinations", "status", VaccinationStatus),
        Index(None, "tenant_id", "status", "expires_on", "id"),
        Index(None, "pet_id", "kind", "expires_on"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    tenant_id: Mapped[int] = mapped_column(ForeignKey(Tenant.id))
    """The tenant of the pet's owner: a task works tenant by tenant, without a join."""
    pet_id: Mapped[int] = mapped_column(ForeignKey(Pet.id))
    kind: Mapped[str]
    expires_on: Mapped[date]
    """The first day on which it no longer counts, in the tenant's zone."""
    status: Mapped[VaccinationStatus] = mapped_column(Choice(VaccinationStatus))
