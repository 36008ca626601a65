"""Sends text messages, with Twilio's library, and asks what became of one.

https://www.twilio.com/docs/messaging/api/message-resource
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar
from urllib.parse import quote

from shared.errors import BelfryError, Misconfigured, NotFound, Unavailable
from shared.log import short
from shared.notifications.channels.sms import answers
from shared.notifications.channels.sms.callbacks import STATUS_PATH, state_of
from shared.notifications.content import Content, Receipt
from shared.notifications.delivery import Delivery, DeliveryState
from shared.notifications.hiding import hidden
from shared.notifications.model import TEXT, Entry, Uncertain
from shared.settings import Secret, Values

T = TypeVar("T")

TIMEOUTS = (5.0, 35.0)
"""Seconds to connect, and to wait for each part of the answer."""
_SHORTEST, _LONGEST = 1, 36_000
"""Twilio's limits of `validity_period`, in seconds."""
_PAGE = 50
_PAGES = 20
"""A look-up reads at most so many pages: of one number, within an hour."""
_TRIAL = "Sent from your Twilio trial account - "
_BEFORE, _AFTER = timedelta(minutes=5), timedelta(hours=1)
"""How far from its attempt a message may have been created, by Twilio's clock."""


def sender(values: Values) -> Twilio:
    """The channel's sender, made from the values of its settings."""
    return Twilio(
        account=values["TWILIO_ACCOUNT_SID"].reveal(),
        token=values["TWILIO_AUTH_TOKEN"],
        sender=values["TWILIO_FROM"].reveal(),
        url=values["TWILIO_URL"].reveal().rstrip("/"),
        public_url=values["PUBLIC_BASE_URL"].reveal(),
    )


class Twilio:
    """Text messages from one sender."""

    def __init__(
        self,
        *,
        account: str,
        token: Secret,
        sender: str,
        url: str,
        public_url: str,
        timeouts: tuple[float, float] = TIMEOUTS,
    ) -> None:
        self._account = account
        self._token = token
        self._sender = sender
        self._url = url
        self._public_url = public_url
        self._timeouts = timeouts

    @property
    def account(self) -> str:
        """The account's SID."""
        return self._account

    def send(self, entry: Entry, content: Content) -> Receipt:
        """Send the text to `entry.address`, once.

        Raises what `Sender` says; of `Refused`, `BadRecipient` if the number is at fault, and
        `OptedOut` if its owner wants no more.
        """
        wanted = self._wanted(entry, content)
        made = self._call(lambda client: client.messages.create(**wanted), answers.failure)
        if not made.sid:
            raise Uncertain(answers.SERVICE, "accepted it, it seems, but the answer has no SID")
        if state_of(made.status) is DeliveryState.FAILED:  # no callback tells the first status
            raise answers.failure(400, made.error_code, str(made.error_message or ""), {})
        return _receipt(made)

    def look_up(self, entry: Entry) -> Receipt | None:
        """The message that Twilio made of the last attempt of `entry`, if it made one: by number,
        text, sender and time. Raises `Unavailable` or `Misconfigured`."""
        around = entry.claimed_at or entry.created_at
        found = self._call(lambda client: self._of(client, entry, around), _cannot_tell)
        return None if found is None else _receipt(found)

    def fetch(self, entry: Entry) -> Delivery:
        """How far `entry`, which Twilio accepted, has come; its segments and its price, which
        Twilio says some time after the send. Raises `NotFound` if Twilio has it no more,
        `Unavailable` or `Misconfigured`."""
        sid = str(entry.provider_id)
        found = self._call(lambda client: client.messages(sid).fetch(), _cannot_tell)
        receipt = _receipt(found)
        return Delivery(
            id=entry.id,
            provider_id=sid,
            state=state_of(found.status) or DeliveryState.QUEUED,
            error_code=str(found.error_code) if found.error_code else None,
            segments=receipt.segments,
            cost_micros=receipt.cost_micros,
            cost_currency=receipt.cost_currency,
        )

    def _wanted(self, entry: Entry, content: Content) -> dict[str, Any]:
        """The parameters of the message."""
        by_service = self._sender.startswith("MG")
        wanted: dict[str, Any] = {"to": entry.address, "body": content.text}
        wanted["messaging_service_sid" if by_service else "from_"] = self._sender
        if self._public_url:
            called = f"{self._public_url}{STATUS_PATH}?id={quote(entry.id, safe='')}"
            wanted["status_callback"] = called
        if entry.useful_until is not None and entry.claimed_at is not None:
            left = int((entry.useful_until - entry.claimed_at).total_seconds())
            wanted["validity_period"] = max(_SHORTEST, min(left, _LONGEST))
        return wanted

    def _of(self, client: Any, entry: Entry, around: datetime) -> Any:
        """The newest message that is the one of `entry`. Twilio lists the newest first; the list
        is not filtered by date, since a message that still waits at Twilio has none."""
        for message in _listed(client, entry.address, around - _BEFORE):
            created = message.date_created
            if created is None or not around - _BEFORE <= created <= around + _AFTER:
                continue
            body = str(message.body).removeprefix(_TRIAL)
            if self._is_ours(message) and short(body, TEXT) == entry.text:
                return message
        return None

    def _is_ours(self, message: Any) -> bool:
        """Whether our sender sent it."""
        return self._sender in (message.from_, message.messaging_service_sid)

    def _call(self, ask: Callable[[Any], T], meaning: Callable[..., BelfryError]) -> T:
        """What `ask` returns. `meaning` turns a bad answer into an error."""
        from requests import RequestException
        from twilio.base.exceptions import TwilioException

        from shared.notifications.channels.sms.client import Http, client, session

        http = Http(session(), self._timeouts)
        problem: BelfryError
        try:
            return ask(client(self._account, self._token, self._url, http))
        except TwilioException:
            problem = self._meant(http.answer, meaning)
        except RequestException as error:
            problem = _no_answer(error)
        except (ValueError, TypeError, AttributeError, LookupError) as error:
            said = f"answered what Belfry cannot read ({type(error).__name__})"
            problem = Uncertain(answers.SERVICE, said)
        raise problem  # outside `except`: the library's error, which has the number, is dropped

    def _meant(self, answer: Any, meaning: Callable[..., BelfryError]) -> BelfryError:
        """What a bad answer means. It is read here, since of the library's errors
        (TwilioRestException, TwilioServiceException, and for lists neither) not all have it."""
        if answer is None:
            return Uncertain(answers.SERVICE, "could not be asked")
        body = _body(answer)
        text = str(body.get("message") or body.get("detail") or body.get("title") or "")
        said = hidden(text, [self._token])
        return meaning(answer.status_code, body.get("code"), said, answer.headers)


def _body(answer: Any) -> Mapping[str, Any]:
    """The answer's JSON object; an empty one if it is none, such as a proxy's page."""
    try:
        found = json.loads(answer.text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _listed(client: Any, number: str, since: datetime) -> Iterator[Any]:
    """The messages to that number, newest first, until those created before `since`."""
    page = client.messages.page(to=number, page_size=_PAGE)
    for _ in range(_PAGES):
        messages = list(page)
        yield from messages
        dates = [one.date_created for one in messages if one.date_created is not None]
        if not messages or (dates and max(dates) < since):
            return
        page = page.next_page()
        if page is None:
            return
    raise Unavailable(answers.SERVICE, "lists too many messages to that number to look through")


def _cannot_tell(status: int, code: Any, text: str, headers: Any) -> BelfryError:
    """The error for a bad answer to a question, which can be asked again."""
    if status == 404 and str(code) in ("20404", "404"):
        return NotFound("twilio has no such message any more")
    found = answers.failure(status, code, text, headers)
    if isinstance(found, Misconfigured):
        return found
    return Unavailable(answers.SERVICE, str(found).removeprefix(f"{answers.SERVICE}: "))


def _no_answer(error: Exception) -> BelfryError:
    """Whether the request had been written when it failed. Only if there was no connection is it
    certain that it had not."""
    said = f"did not answer ({type(error).__name__})"
    return (Unavailable if _not_connected(error) else Uncertain)(answers.SERVICE, said)


def _not_connected(error: Exception) -> bool:
    import ssl

    from requests.exceptions import ConnectTimeout, ProxyError
    from urllib3.exceptions import MaxRetryError, NewConnectionError

    if isinstance(error, ConnectTimeout | ProxyError):
        return True
    cause = error.args[0] if error.args else None
    reason = cause.reason if isinstance(cause, MaxRetryError) else None
    certificate = reason.args[0] if reason is not None and reason.args else None
    return isinstance(reason, NewConnectionError) or isinstance(
        certificate, ssl.SSLCertVerificationError
    )


def _receipt(message: Any) -> Receipt:
    cost = _micros(message.price)
    return Receipt(
        provider_id=str(message.sid),
        segments=_whole(message.num_segments),
        cost_micros=cost,
        cost_currency="" if cost is None else str(message.price_unit or "").upper(),
    )


def _whole(value: Any) -> int:
    """Segments: 0, while Twilio does not know them."""
    return int(value) if str(value).isdecimal() else 0


def _micros(price: Any) -> int | None:
    """A price such as -0.00750, in millionths; None: Twilio has not said."""
    try:
        return None if price is None else int(abs(Decimal(str(price))) * 1_000_000)
    except InvalidOperation:
        return None
