"""What Stripe's errors mean to Belfry: whose fault each is, and whether to ask again.

https://docs.stripe.com/error-low-level, https://docs.stripe.com/api/errors
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shared.errors import BelfryError, Misconfigured, NotFound, Refused, Unavailable
from shared.log import short
from shared.settings import Secret

if TYPE_CHECKING:
    from stripe import StripeError

SERVICE = "Stripe"
_LONGEST = 500
_NO_SUCH = ("resource_missing", "invoice_not_found")


@contextmanager
def translated(api_key: Secret) -> Iterator[None]:
    """Whatever Stripe's library raises in the block, as one of our errors, without the key.

    - `Unavailable`: no answer, 429, 409 (the same call is under way elsewhere), 5xx, or an answer
      that is not Stripe's, as a proxy gives it. It may have been done or not; ask again, under the
      same idempotency key.
    - `NotFound`: what the call names does not exist there.
    - `Refused`: a declined card, wrong parameters, or a key that was used with other parameters.
    - `Misconfigured`: the API key is wrong, or may not do this.
    """
    from stripe import StripeError

    problem: BelfryError
    try:
        yield
        return
    except StripeError as error:
        problem = _meaning(error, api_key)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        problem = Unavailable(SERVICE, f"answered what Belfry cannot read ({type(error).__name__})")
    raise problem  # not where it came from: the library's error holds what was sent


def _meaning(error: StripeError, api_key: Secret) -> BelfryError:
    import stripe

    said = _said(error, api_key)
    match error:
        case stripe.AuthenticationError() | stripe.PermissionError():
            return Misconfigured(f"STRIPE_API_KEY is refused by {SERVICE}: {said}")
        case stripe.IdempotencyError():
            return Refused(SERVICE, f"its key was used before with other parameters: {said}")
        case stripe.InvalidRequestError() if error.code in _NO_SUCH:
            return NotFound(f"{SERVICE}: {said}")
        case stripe.CardError() | stripe.InvalidRequestError():
            return Refused(SERVICE, said)
        case stripe.RateLimitError():
            return Unavailable(SERVICE, f"too many requests: {said}")
        case stripe.APIConnectionError():
            return Unavailable(SERVICE, "it did not answer")
    return Unavailable(SERVICE, said)


def _said(error: StripeError, api_key: Secret) -> str:
    """Stripe's words, with its code and the request's id, by which its support finds it."""
    words = (error.user_message or "no message").replace(api_key.reveal(), "***")
    status = error.http_status
    marks = [error.code, error.request_id, None if status is None else f"HTTP {status}"]
    known = ", ".join(str(mark) for mark in marks if mark)
    return short(f"{words} ({known})" if known else words, _LONGEST)
