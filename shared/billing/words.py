"""What Stripe is sent for a fee: amounts in its units, and the words on the invoice."""

from __future__ import annotations

from datetime import datetime

from shared.billing.model import FEE, INSTALLATION, MARK, Parameters
from shared.recurrence import zone

_HUNDREDFOLD = ("ISK", "UGX")
"""Currencies without minor units, of which Stripe nevertheless takes hundredths.
https://docs.stripe.com/currencies#special-cases"""
_WHOLE = ("MGA",)
"""Currencies with minor units by ISO 4217, of which Stripe takes whole ones.
https://docs.stripe.com/currencies#zero-decimal"""
_LINES = {
    "de": "Gebühr für den versäumten Termin am {day:%d.%m.%Y} um {day:%H:%M} Uhr",
    "en": "Fee for the missed appointment of {day:%Y-%m-%d} at {day:%H:%M}",
}


def amount_of(amount_minor: int, currency: str) -> int:
    """The amount in Stripe's units of that currency; a part of a unit is not charged."""
    if currency in _WHOLE:
        return amount_minor // 100
    return amount_minor * 100 if currency in _HUNDREDFOLD else amount_minor


def line(language: str, starts_at: datetime, timezone: str) -> str:
    """The line of the invoice, by the wall clock of the place; in English if there is none in that
    language. Raises `Invalid` if there is no such zone."""
    day = starts_at.astimezone(zone.find(timezone))
    return _LINES.get(language.partition("-")[0].lower(), _LINES["en"]).format(day=day)


def marks(prefix: str, fee_id: int, key: str) -> dict[str, str]:
    """The metadata by which a thing is known again."""
    return {INSTALLATION: prefix, FEE: str(fee_id), MARK: key}


def invoice(customer: str, currency: str, metadata: dict[str, str]) -> Parameters:
    """An empty draft that takes nothing up that waits for the customer's next invoice, and that
    Stripe does not finalise by itself: it may wait for its item."""
    return {
        "customer": customer,
        "currency": currency.lower(),
        "collection_method": "charge_automatically",
        "pending_invoice_item_behavior": "exclude",
        "auto_advance": False,
        "metadata": metadata,
    }


def item(
    invoice_id: str, of: Parameters, amount: int, description: str, metadata: dict[str, str]
) -> Parameters:
    """The fee on that draft, whose customer and currency it has."""
    return {
        "customer": of["customer"],
        "invoice": invoice_id,
        "amount": amount,
        "currency": of["currency"],
        "description": description,
        "metadata": metadata,
    }


def finalise(invoice_id: str) -> Parameters:
    """From here on Stripe collects it: charges, retries and reminds."""
    return {"invoice": invoice_id, "auto_advance": True}
