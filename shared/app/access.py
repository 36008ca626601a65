"""Makes what says who may do what."""

from __future__ import annotations

from shared.app.stores import Stores
from shared.audit.port import Audit
from shared.clock import Clock
from shared.keys.gate import Gate
from shared.keys.lots import Lots
from shared.keys.people import people
from shared.keys.refusals import Refusals
from shared.keys.service import Keys
from shared.keys.table import KeyTable
from shared.settings import Settings


def made(settings: Settings, at: Stores, clock: Clock, audit: Audit) -> tuple[Keys, Gate]:
    """(the keys, the gate)."""
    table = KeyTable(at.connection, at.names.keys)
    gate = Gate(
        table,
        clock,
        lots=Lots(table.facts, clock, settings.access.requests_per_minute),
        refusals=Refusals(table.facts, clock),
        people=people(settings),
        needs_sign_in=settings.access.sign_in,
    )
    return Keys(table, clock, audit, gate.forget), gate
