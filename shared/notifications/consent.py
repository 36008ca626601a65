"""What the owner of a phone number said about text messages: kept in the company's database, for
all owners with this number, of all tenants, since they get them from one sender."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping

from shared.access import Caller, Role
from shared.audit.port import Action, Audit, Subject
from shared.errors import BelfryError, Invalid
from shared.log import Event, event
from shared.notifications.channels.sms.codes import Fault, fault
from shared.notifications.channels.sms.sender import Twilio
from shared.notifications.content import Content, Receipt
from shared.notifications.delivery import Delivery
from shared.notifications.model import Entry, OptedOut
from shared.notifications.rules.phone import e164
from shared.notifications.sending import Sender
from shared.settings import Secret

_logger = logging.getLogger("belfry.notifications")

PROVIDER = Caller(name="provider:twilio", role=Role.OPERATOR)
"""Whose word it is: it tells what the owner of a number answered."""
_END = 6
"""So many last digits of a number are compared before it is parsed."""


class Consent:
    """Writes down who agrees to text messages, and who does not."""

    def __init__(self, url: Secret, region: str) -> None:
        """`region` is the country of numbers without +, as for sending."""
        self._url = url
        self._region = region

    def known(self, number: str) -> str:
        """The number as E.164. Raises `Invalid` for what is none, and `Misconfigured`."""
        return e164(number, self._region)

    def given(self, number: str) -> int:
        """The owners with this number (E.164) agree; how many did not before. Raises `Invalid` for
        what is no number, and `Misconfigured` or `Unavailable` if the database fails."""
        return self._set(number, True)

    def withdrawn(self, number: str) -> int:
        """They do not agree any more; how many did before. Raises as `given`."""
        return self._set(number, False)

    def _set(self, number: str, opted_in: bool) -> int:
        from shared.data.consent import set_opted_in

        known = self.known(number)

        def is_same(typed: str) -> bool:
            return same(typed, known, self._region)

        changed = set_opted_in(self._url, spellings(known, self._region), is_same, opted_in)
        event(_logger, Event.CONSENT_CHANGED, opted_in=opted_in, owners=changed)
        return changed


def same(typed: str, number: str, region: str) -> bool:
    """Whether a text message to what was typed would go to `number`."""
    digits = "".join(str(int(one)) for one in typed if one.isdecimal())  # of any script
    if number[-_END:] not in digits and not re.search(r"[^\W\d_]", typed):
        return False
    try:
        return e164(typed, region) == number
    except Invalid:
        return False


def spellings(number: str, region: str) -> set[str]:
    """The usual ways to type a number."""
    import phonenumbers

    parsed = phonenumbers.parse(number)
    forms = ("E164", "INTERNATIONAL", "NATIONAL", "RFC3966")
    made = {
        str(phonenumbers.format_number(parsed, getattr(phonenumbers.PhoneNumberFormat, form)))
        for form in forms
    }
    bare = {re.sub(r"[^\d+]", "", one) for one in made}
    return {one for one in {*made, *bare, f"00{number[1:]}"} if same(one, number, region)}


class Watched:
    """A sender that has it written down if a recipient has told the provider to stop."""

    def __init__(self, sender: Twilio, consent: Consent, audit: Audit) -> None:
        self._sender = sender
        self._consent = consent
        self._audit = audit

    @property
    def account(self) -> str:
        return self._sender.account

    def send(self, entry: Entry, content: Content) -> Receipt:
        try:
            return self._sender.send(entry, content)
        except OptedOut:
            withdraw(self._consent, self._audit, entry.address, entry.id)
            raise

    def look_up(self, entry: Entry) -> Receipt | None:
        return self._sender.look_up(entry)

    def fetch(self, entry: Entry) -> Delivery:
        return self._sender.fetch(entry)


def watched(senders: Mapping[str, Sender], consent: Consent, audit: Audit) -> dict[str, Sender]:
    """The senders, of which the one for text messages is watched."""
    return {
        name: Watched(one, consent, audit) if isinstance(one, Twilio) else one
        for name, one in senders.items()
    }


def change(consent: Consent, audit: Audit, number: str, opted_in: bool, about: str) -> None:
    """Note what the owners of this number said, and tell the audit. `about`: the id of the message
    that says so, since the number stands in no record. Raises as `Consent.given`.

    It is noted even if the audit is away: nobody who said STOP gets a message for that.
    """
    consent.known(number)
    subject = Subject("consent", about)
    with audit.changing(PROVIDER, Action.CHANGE, subject, even_if_away=True) as told:
        owners = consent.given(number) if opted_in else consent.withdrawn(number)
        told.after = {"opted_in": opted_in, "owners": owners}


def withdraw(consent: Consent, audit: Audit, number: str, about: str) -> None:
    """Note that the owners of this number want no more. If that fails now, the next message will be
    refused in the same way, and it is noted then."""
    try:
        change(consent, audit, number, False, about)
    except BelfryError as error:
        event(_logger, Event.CONSENT_UNSAVED, level=logging.ERROR, error=str(error))


def is_opt_out(news: Delivery) -> bool:
    """Whether a message did not arrive because its recipient wants no more."""
    return fault(news.error_code) is Fault.OPTED_OUT
