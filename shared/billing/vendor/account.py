"""The company's account at Stripe: what Belfry asks of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from shared.billing.model import MARK, Invoice, Parameters, Subscription
from shared.billing.vendor.client import RETRIES, TIMEOUTS, client
from shared.billing.vendor.errors import translated
from shared.data.models import StepName
from shared.errors import NotFound, Refused
from shared.settings import StripeSettings

_PAGE = 100
"""Stripe's largest."""
_SKEW = timedelta(hours=1)
"""By which this machine's clock may differ from Stripe's."""
_ENDED = ("canceled", "incomplete_expired")


class StripeAccount:
    """Every method raises as `translated` says."""

    def __init__(
        self,
        settings: StripeSettings,
        *,
        retries: int = RETRIES,
        timeouts: tuple[float, float] = TIMEOUTS,
    ) -> None:
        self._settings = settings
        self._retries = retries
        self._timeouts = timeouts

    @cached_property
    def _v1(self) -> Any:
        """Its services; they are `Any`, since parameters come from stored JSON."""
        return client(self._settings, self._retries, self._timeouts).v1

    def make(self, step: StepName, parameters: Parameters, key: str) -> str:
        """Make the call of that step; the id of what it made. It is safe to repeat with the same
        key and parameters, for a day."""
        given = dict(parameters)
        options = {"idempotency_key": key}
        with translated(self._settings.api_key):
            if step is StepName.INVOICE:
                made = self._v1.invoices.create(given, options)
            elif step is StepName.ITEM:
                made = self._v1.invoice_items.create(given, options)
            else:
                made = self._v1.invoices.finalize_invoice(given.pop("invoice"), given, options)
            return _id(made)

    def find(self, step: StepName, parameters: Parameters, since: datetime) -> str | None:
        """The id of what an earlier call of that step made, if it did. `since`: when that may have
        been. It reads lists: Stripe's search may be minutes behind."""
        with translated(self._settings.api_key):
            if step is StepName.FINALISE:
                invoice = self._v1.invoices.retrieve(parameters["invoice"])
                return None if invoice.status == "draft" else _id(invoice)
            if step is StepName.INVOICE:
                first = int((since - _SKEW).timestamp())
                asked = {"customer": parameters["customer"], "created": {"gte": first}}
                there = self._v1.invoices.list(asked | {"limit": _PAGE})
            else:
                there = self._v1.invoice_items.list(
                    {"invoice": parameters["invoice"], "limit": _PAGE}
                )
            wanted = _metadata_of(parameters)[MARK]
            return next((_id(one) for one in _all(there) if _mark(one) == wanted), None)

    def invoice(self, invoice_id: str) -> Invoice | None:
        """None if there is no such invoice."""
        try:
            with translated(self._settings.api_key):
                return _invoice(self._v1.invoices.retrieve(invoice_id))
        except NotFound:
            return None

    def invoices(self, since: datetime) -> Iterator[Invoice]:
        """Those made since then, the newest first; also those that are not Belfry's."""
        first = int((since - _SKEW).timestamp())
        with translated(self._settings.api_key):
            there = self._v1.invoices.list({"created": {"gte": first}, "limit": _PAGE})
            for one in _all(there):
                yield _invoice(one)

    def subscriptions(self) -> Iterator[Subscription]:
        """All of the account, also those that ended."""
        with translated(self._settings.api_key):
            for one in _all(self._v1.subscriptions.list({"status": "all", "limit": _PAGE})):
                yield _subscription(one)

    def pause(self, subscription_id: str) -> None:
        """Collect none of its invoices from now on. To ask again changes nothing."""
        self._collect(subscription_id, {"behavior": self._settings.paused_invoices})

    def resume(self, subscription_id: str) -> None:
        """Collect its next invoices again. To ask again changes nothing."""
        self._collect(subscription_id, "")

    def _collect(self, subscription_id: str, paused: object) -> None:
        """No idempotency key of ours: it says what shall be, so it may be repeated, while an answer
        that is replayed from before would be true no longer."""
        try:
            with translated(self._settings.api_key):
                self._v1.subscriptions.update(subscription_id, {"pause_collection": paused})
        except Refused:
            if not self._has_ended(subscription_id):
                raise

    def _has_ended(self, subscription_id: str) -> bool:
        with translated(self._settings.api_key):
            return _subscription(self._v1.subscriptions.retrieve(subscription_id)).ended


def _id(one: Any) -> str:
    """The id of what Stripe answered. Raises `ValueError` if that is nothing of Stripe's."""
    if not isinstance(one.id, str) or not one.id:
        raise ValueError("no id")
    return one.id


def _all(there: Any) -> Iterator[Any]:
    """Of a list, all pages."""
    yield from there.auto_paging_iter()


def _metadata_of(parameters: Parameters) -> dict[str, str]:
    found = parameters["metadata"]
    return found if isinstance(found, dict) else {}


def _mark(one: Any) -> str | None:
    return _plain(one.metadata).get(MARK)


def _plain(metadata: Any) -> dict[str, str]:
    return {} if metadata is None else dict(metadata.to_dict())


def _invoice(one: Any) -> Invoice:
    return Invoice(
        id=str(one.id),
        status=str(one.status),
        amount=int(one.subtotal),
        currency=str(one.currency).upper(),
        metadata=_plain(one.metadata),
    )


def _subscription(one: Any) -> Subscription:
    return Subscription(
        id=str(one.id),
        ended=one.status in _ENDED,
        paused=one.pause_collection is not None or one.status == "paused",
    )
