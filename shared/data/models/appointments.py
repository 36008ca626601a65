"""Appointments, and the fees for those to which nobody came."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from shared.data.models.base import Base, check, index, one_of
from shared.data.models.owners import Owner, Pet
from shared.data.models.tenants import Tenant
from shared.data.models.types import CURRENCY, Choice


class AppointmentStatus(StrEnum):
    """What became of it. Whether somebody was reminded of it is not said here: that is another
    question, and the outbox answers it."""

    PLANNED = "planned"
    ARRIVED = "arrived"
    DONE = "done"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"


class Appointment(Base):
    """A pet's appointment. One that is moved keeps its row and gets another `starts_at`."""

    __tablename__ = "appointments"
    __table_args__ = (
        one_of("appointments", "status", AppointmentStatus),
        Index(None, "tenant_id", "status", "starts_at", "id"),
        Index(None, "pet_id", "no_show_at"),
        index("appointments", "tenant_id", "no_show_at", "id", only_set="no_show_at"),
        index("appointments", "tenant_id", "booked_at", "id", only_set="booked_at"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    tenant_id: Mapped[int] = mapped_column(ForeignKey(Tenant.id))
    """The tenant of the pet's owner: a task works tenant by tenant, without a join."""
    pet_id: Mapped[int] = mapped_column(ForeignKey(Pet.id))
    starts_at: Mapped[datetime]
    status: Mapped[AppointmentStatus] = mapped_column(Choice(AppointmentStatus))
    booked_at: Mapped[datetime | None]
    """None: not known, so long ago."""
    cancelled_at: Mapped[datetime | None]
    no_show_at: Mapped[datetime | None]
    """When it was marked as a no-show. By this a week's no-shows are counted: what is marked after
    the week was counted belongs to the next."""
    notes: Mapped[str | None]


class FeeStatus(StrEnum):
    """Where a fee stands. A `FAILED` one waits for a person."""

    DUE = "due"
    INVOICED = "invoiced"
    PAID = "paid"
    WAIVED = "waived"
    FAILED = "failed"


class NoShowFee(Base):
    """The fee for an appointment: one at most, whoever detects it and however often."""

    __tablename__ = "no_show_fees"
    __table_args__ = (
        one_of("no_show_fees", "status", FeeStatus),
        check("no_show_fees", "amount_minor", "> 0"),
        Index(None, "tenant_id", "status", "id"),
        Index(None, "tenant_id", "created_at", "id"),
        Index(None, "status", "currency", "amount_minor"),  # which answers the sums by itself
        Index(None, "created_at", "id"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    tenant_id: Mapped[int] = mapped_column(ForeignKey(Tenant.id))
    appointment_id: Mapped[int] = mapped_column(ForeignKey(Appointment.id), unique=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey(Owner.id))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(CURRENCY)
    status: Mapped[FeeStatus] = mapped_column(Choice(FeeStatus))
    created_at: Mapped[datetime]
    stripe_item_id: Mapped[str | None]
    stripe_invoice_id: Mapped[str | None]
    error: Mapped[str | None]
    """Why it failed last."""
