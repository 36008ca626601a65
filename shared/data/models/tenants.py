"""Tenants, with their zone, their policy of fees and their caps; and the people who sign in."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import ForeignKey, Identity
from sqlalchemy.orm import Mapped, mapped_column

from shared.data.models.base import Base, one_of
from shared.data.models.types import CURRENCY, Choice, Zone


class Role(StrEnum):
    """What a user may do. A `SYSTEM_ADMIN` gets Belfry's mail."""

    SYSTEM_ADMIN = "system_admin"
    TENANT_ADMIN = "tenant_admin"
    STAFF = "staff"


class Tenant(Base):
    """A customer of the company: a practice, with one door, in one zone."""

    __tablename__ = "tenants"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str]
    timezone: Mapped[str] = mapped_column(Zone)
    language: Mapped[str]
    """In which owners are written to who have none of their own, such as `de`."""
    currency: Mapped[str] = mapped_column(CURRENCY)
    """Of its fees."""
    no_show_fee_minor: Mapped[int | None]
    """In minor units of `currency`; None: no fee is charged."""
    no_show_grace_minutes: Mapped[int | None]
    """None: NO_SHOW_GRACE_PERIOD_MINUTES."""
    sms_daily_limit: Mapped[int | None]
    """SMS a day, at most; None: only the limit for all tenants together."""
    sms_daily_spend_minor: Mapped[int | None]
    """What they may cost a day, in minor units of `sms_currency`; None as above."""
    sms_currency: Mapped[str] = mapped_column(CURRENCY)


class User(Base):
    """Somebody who signs in."""

    __tablename__ = "users"
    __table_args__ = (one_of("users", "role", Role),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    tenant_id: Mapped[int] = mapped_column(ForeignKey(Tenant.id))
    email: Mapped[str] = mapped_column(unique=True)
    role: Mapped[Role] = mapped_column(Choice(Role))
