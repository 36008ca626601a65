"""Owners of pets, who get the reminders; and their pets."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from shared.data.models.base import Base
from shared.data.models.tenants import Tenant
from shared.data.models.types import Zone


class Owner(Base):
    """A customer of a tenant."""

    __tablename__ = "owners"
    __table_args__ = (
        Index(None, "tenant_id", "id"),
        Index(None, "phone"),  # whose answer STOP is
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    tenant_id: Mapped[int] = mapped_column(ForeignKey(Tenant.id))
    name: Mapped[str]
    phone: Mapped[str | None]
    """As it was typed; who sends to it validates it."""
    sms_opted_in: Mapped[bool]
    timezone: Mapped[str | None] = mapped_column(Zone)
    """For quiet hours; None: the tenant's."""
    language: Mapped[str | None]
    """None: the tenant's."""
    stripe_customer_id: Mapped[str | None]


class Pet(Base):
    """An owner's pet."""

    __tablename__ = "pets"
    __table_args__ = (Index(None, "owner_id", "id"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey(Owner.id))
    name: Mapped[str]
    avatar: Mapped[bytes | None]
