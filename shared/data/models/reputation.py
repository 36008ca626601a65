"""How reliable owners are, and how that came about."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Identity, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from shared.data.models.base import Base, check
from shared.data.models.owners import Owner
from shared.data.models.tenants import Tenant

TOP_SCORE = 100
_SCORE = f"BETWEEN 0 AND {TOP_SCORE}"


class Reputation(Base):
    """An owner's score now. No row: the top, as everybody has at first."""

    __tablename__ = "reputations"
    __table_args__ = (
        check("reputations", "score", _SCORE),
        Index(None, "tenant_id", "owner_id"),
    )

    owner_id: Mapped[int] = mapped_column(
        ForeignKey(Owner.id), primary_key=True, autoincrement=False
    )
    tenant_id: Mapped[int] = mapped_column(ForeignKey(Tenant.id))
    score: Mapped[int]
    good_since: Mapped[date]
    """From which day on the owner has behaved well."""


class ReputationChange(Base):
    """What a week changed in an owner's score: one row a week at most."""

    __tablename__ = "reputation_changes"
    __table_args__ = (
        UniqueConstraint("owner_id", "week_on"),
        check("reputation_changes", "score_before", _SCORE),
        check("reputation_changes", "score_after", _SCORE),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey(Owner.id))
    week_on: Mapped[date]
    """The Sunday that ended the week."""
    score_before: Mapped[int]
    score_after: Mapped[int]
    no_shows: Mapped[int]
    """Of that week."""
    recovered: Mapped[int]
    """Points given back for good behaviour."""
    created_at: Mapped[datetime]


class ReputationWeek(Base):
    """Up to which week a tenant's reputations are settled. No row: none was."""

    __tablename__ = "reputation_weeks"

    tenant_id: Mapped[int] = mapped_column(
        ForeignKey(Tenant.id), primary_key=True, autoincrement=False
    )
    settled_on: Mapped[date]
    """The Sunday that ended the last one."""
