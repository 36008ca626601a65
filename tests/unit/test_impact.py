"""What customers' tasks may do to the outside (O5). None waits for a person at each run: whoever
made the schedule said so."""

from __future__ import annotations

from functions.customers.analysis import analysis
from functions.customers.batch import batch
from functions.customers.export import export
from functions.customers.health_check import health_check
from functions.customers.sync import sync
from functions.customers.webhook_delivery import webhook_delivery
from shared.tasks import Impact


def test_what_reaches_others_systems_is_logged_as_such() -> None:
    soft = (webhook_delivery, health_check, export, batch, sync)
    assert [one.name for one in soft if one.impact is not Impact.B] == []
    assert analysis.impact is Impact.A, "it only reads"
