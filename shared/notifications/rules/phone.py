"""A phone number as somebody typed it, as E.164 (P9).

Only the number's form is checked, by the numbering plan of its country: whether somebody answers,
or whether it is a landline, only the provider can say.
"""

from __future__ import annotations

from shared.errors import Invalid, Misconfigured

_PLUS = {"+", "\N{FULLWIDTH PLUS SIGN}"}


def e164(typed: str | None, region: str) -> str:
    """The number, such as +14155550123. One without + belongs to `region`, such as US. Raises
    `Invalid`, which shows the last two digits only, and `Misconfigured` if it belongs to a region
    that is none."""
    import phonenumbers

    if not typed or not typed.strip():
        raise Invalid("phone", "the owner has no phone number")
    try:
        number = phonenumbers.parse(typed, region)
    except phonenumbers.NumberParseException as error:
        without = error.error_type == error.INVALID_COUNTRY_CODE and not _PLUS & set(typed)
        if without and region not in phonenumbers.SUPPORTED_REGIONS:
            raise Misconfigured(
                f"SMS_DEFAULT_REGION is {region!r}; use a country's code, such as US"
            ) from None
        raise Invalid("phone", f"{masked(typed)} is no phone number") from None
    if not phonenumbers.is_valid_number(number):
        raise Invalid("phone", f"{masked(typed)} is no valid phone number of its country")
    form = phonenumbers.PhoneNumberFormat.E164
    return str(phonenumbers.format_number(number, form))


def masked(number: str) -> str:
    """A phone number without the digits that identify it."""
    digits = [one for one in number if one.isdigit()]
    return f"...{''.join(digits[-2:])}" if len(digits) > 2 else "..."
