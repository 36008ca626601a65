"""Which messages to owners the tasks have asked for."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Identity, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from shared.data.models.base import Base


class MessageRequest(Base):
    """A message that a task has handed to the notifications, so that the next run need not ask
    for it again. That nobody is told twice does not depend on this row: the outbox sees to it."""

    __tablename__ = "message_requests"
    __table_args__ = (
        UniqueConstraint("kind", "occasion"),
        Index(None, "over_at"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    kind: Mapped[str]
    occasion: Mapped[str]
    """What makes it another message than all others of its kind: the owner and the occasion."""
    requested_at: Mapped[datetime]
    over_at: Mapped[datetime]
    """When nobody would be told any more. Some time later the row is removed."""
