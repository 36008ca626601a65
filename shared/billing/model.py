"""What the parts of the billing tell each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

Parameters: TypeAlias = "dict[str, str | int | bool | dict[str, str]]"
"""Of a call to Stripe, as JSON has them."""
MARK = "belfry_key"
"""In the metadata of what Belfry makes: the idempotency key of the call that made it."""
FEE = "belfry_fee"
"""The same: the id of the fee."""
INSTALLATION = "belfry_prefix"
"""The same: BELFRY_PREFIX, since two installations may share an account of Stripe."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Invoice:
    """An invoice as Stripe has it."""

    id: str
    status: str
    """draft, open, paid, void or uncollectible."""
    amount: int
    """The sum of its items, without tax, in Stripe's units."""
    currency: str
    """In capitals."""
    metadata: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Subscription:
    """A subscription as Stripe has it."""

    id: str
    ended: bool
    """It was cancelled, so it bills nothing any more."""
    paused: bool
    """Its invoices are not collected."""
