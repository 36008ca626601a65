"""Whether a request is signed by Twilio. https://www.twilio.com/docs/usage/security

Twilio signs the URL that it called, its query included, with the form's fields, by HMAC-SHA1 and
the account's primary token; or by HMAC-SHA256 and a shared key, if a webhook rule says so, and then
it names the algorithm in a header. Nothing in it is a time: a replay must do no harm.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from shared.settings import Secret

SIGNATURE = "x-twilio-signature"
SETTINGS = "x-twilio-webhooks-signature-settings"


def is_signed(
    url: str,
    fields: Iterable[tuple[str, str]],
    headers: Mapping[str, str],
    *,
    token: Secret,
    shared_key: Secret,
) -> bool:
    """Whether Twilio signed a request with these fields to `url`, which is as Twilio called it:
    made from our settings, and not from what a proxy says. False without a signature or a key."""
    from twilio.request_validator import RequestValidator, get_signature_algorithm

    signature, settings = headers.get(SIGNATURE), headers.get(SETTINGS)
    key = shared_key if settings else token
    if not signature or not signature.isascii() or not key:
        return False
    algorithm = get_signature_algorithm(settings)
    validator = RequestValidator(key.reveal())
    return bool(validator.validate(url, _Fields(fields), signature, algorithm))


class _Fields(dict[str, str]):
    """A form's fields, of which one may be there several times, as the library asks for them."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._all: dict[str, list[str]] = {}
        for name, value in pairs:
            self._all.setdefault(name, []).append(value)
        super().__init__({name: values[0] for name, values in self._all.items()})

    def getlist(self, name: str) -> list[str]:
        """Each value of that name."""
        return self._all[name]
