"""Twilio's error codes: whose fault each is. https://www.twilio.com/docs/api/errors

Twilio may give the same cause another code one day, so a code that is not here is `UNKNOWN`: it is
tried again a few times, and never an error of Belfry.
"""

from __future__ import annotations

from enum import StrEnum


class Fault(StrEnum):
    """What a code is about."""

    NUMBER = "number"
    """The number is wrong, or cannot get text messages: write to it no more."""
    OPTED_OUT = "opted_out"
    """The recipient has answered STOP; only their START lifts it."""
    MESSAGE = "message"
    """The text itself: the same one would be refused or filtered again."""
    SET_UP = "set_up"
    """Our account or our sender: nothing goes until a person has acted."""
    DESTINATION = "destination"
    """Our account may not write to such a number, but perhaps to others."""
    PASSING = "passing"
    """Nothing was done; later it may be."""
    UNKNOWN = "unknown"


_CODES = {
    Fault.NUMBER: (
        21211,  # no valid number
        21217,  # does not appear to be valid
        21614,  # cannot get text messages
        21635,  # a landline
        30005,  # unknown handset
        30006,  # a landline, or a carrier that cannot be reached from this sender
    ),
    Fault.OPTED_OUT: (21610,),
    Fault.MESSAGE: (
        21602,  # no text
        21605,  # too long
        21617,  # longer than 1,600 characters
        30007,  # filtered by Twilio or by a carrier
    ),
    Fault.SET_UP: (
        10001,  # the account is not active
        20003,  # wrong SID or token
        20005,  # the account is not active
        20404,  # no such account
        21603,  # no sender
        21606,  # the sender is not ours, or cannot send text messages
        21659,  # the sender is no number of Twilio's
        21660,  # the sender belongs to another account
        21701,  # no such Messaging Service
        21703,  # a Messaging Service without a sender
        21705,  # the SID of a Messaging Service is wrong
        30002,  # the account is suspended
        30024,  # the sender is not provisioned yet
        30032,  # a toll-free number that is not verified
        30034,  # the sender is in no A2P 10DLC campaign
    ),
    Fault.DESTINATION: (
        21408,  # the country is not allowed in the account's settings
        21608,  # a trial account writes to verified numbers only
        21612,  # no way from this sender to that number
    ),
    Fault.PASSING: (
        20429,  # too many requests: it was not processed
        21611,  # the sender's queue is full
        30001,  # the same, told later
        30003,  # the handset is off or away
        30047,  # outside the hours that the law allows
        30610,  # the same
    ),
}
_FAULTS = {code: fault for fault, codes in _CODES.items() for code in codes}


def fault(code: int | str | None) -> Fault:
    """What that code is about."""
    text = str(code)
    return _FAULTS.get(int(text), Fault.UNKNOWN) if text.isdecimal() else Fault.UNKNOWN
