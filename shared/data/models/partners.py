"""Partners who bring tenants, and what they earn by that."""

from __future__ import annotations

from datetime import date

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from shared.data.models.base import Base
from shared.data.models.tenants import Tenant
from shared.data.models.types import CURRENCY


class Partner(Base):
    """Somebody who brings tenants."""

    __tablename__ = "partners"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str]
    email: Mapped[str | None]


class Commission(Base):
    """What a partner earns by a tenant on a day."""

    __tablename__ = "commissions"
    __table_args__ = (
        UniqueConstraint("partner_id", "tenant_id", "day"),
        Index(None, "day", "partner_id"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    partner_id: Mapped[int] = mapped_column(ForeignKey(Partner.id))
    tenant_id: Mapped[int] = mapped_column(ForeignKey(Tenant.id))
    day: Mapped[date]
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(CURRENCY)
