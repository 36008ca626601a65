"""People are told that billing is paused, and that it runs again (alert `billing_paused`).

The alert follows Belfry's own switch, whoever turned it: the spend guard and the API say so at
once, and `billing_upkeep` each hour. So nothing is lost if one of them is killed, and a person who
resumes on the command line needs no storage account.
"""

from __future__ import annotations

from shared.alerts.port import AlertKind, AlertService
from shared.billing.port import ALERT, BillingService

_TURNS = 3
"""How often the switch may change while people are told."""


def tell_failed_fees(alerts: AlertService, billing: BillingService) -> None:
    """Open the alert `fee_failed` while there are fees that Stripe refused; it gets worse with
    each. Close it when none is left. Raises as both services do."""
    count, first = billing.failed_fees()
    if count:
        text = f"Stripe refused {count} no-show fees, such as {first}"
        alerts.open(AlertKind.FEE_FAILED, ALERT, text, level=count)
    else:
        alerts.close(AlertKind.FEE_FAILED, ALERT, "No fee that Stripe refused is left.")


def tell(alerts: AlertService, billing: BillingService) -> None:
    """Open the alert if billing is paused, and close it if it runs. Raises as both services do."""
    standing = billing.standing()
    for _ in range(_TURNS):
        if standing.paused_for is not None:
            alerts.open(AlertKind.BILLING_PAUSED, ALERT, standing.text)
        else:
            alerts.close(AlertKind.BILLING_PAUSED, ALERT, standing.text)
        told, standing = standing, billing.standing()
        if standing == told:
            return
