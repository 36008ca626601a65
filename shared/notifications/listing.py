"""Which notifications a list shows."""

from __future__ import annotations

from dataclasses import dataclass

from shared.notifications.model import NotificationStatus
from shared.notifications.rows import ROW, beginning
from shared.storage.tables.batch import literal


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Those with all of these; None stands for any."""

    status: NotificationStatus | None = None
    channel: str | None = None
    kind: str | None = None
    tenant_id: int | None = None

    def filter(self) -> str:
        """The filter of the query for them."""
        asked = {
            "status": None if self.status is None else self.status.value,
            "channel": self.channel,
            "kind": self.kind,
            "tenant_id": None if self.tenant_id is None else str(self.tenant_id),
        }
        conditions = [f"{name} eq {literal(value)}" for name, value in asked.items() if value]
        return " and ".join([beginning(ROW), *conditions])
