"""What the services need of the app around them."""

from __future__ import annotations

from dataclasses import dataclass

from shared.app.records import Records
from shared.app.stores import Stores
from shared.audit.service import AuditTrail
from shared.calendars.service import Calendars
from shared.clock import Clock
from shared.engine.commands.schedules import Manager
from shared.engine.work.execute import Executor
from shared.engine.work.limits import Limits
from shared.scaling.traffic import Traffic
from shared.settings import Settings
from shared.spending.meter import SpendMeter
from shared.tasks import Registry, Services


@dataclass(frozen=True, kw_only=True, slots=True)
class Around:
    """The parts of the app that are made before any service."""

    settings: Settings
    at: Stores
    clock: Clock
    tasks: Registry
    services: Services
    executor: Executor
    limits: Limits
    manager: Manager
    calendars: Calendars
    records: Records
    audit: AuditTrail
    meter: SpendMeter
    traffic: Traffic
