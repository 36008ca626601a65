"""Which requests count as Twilio's: by the examples that Twilio publishes, and by broken ones."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.notifications.channels.sms.signature import is_signed
from shared.settings import Secret
from tests.vendors.twilio import signature

URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
TOKEN = "12345"
FIELDS = {
    "CallSid": "CA1234567890ABCDE",
    "Digits": "1234",
    "From": "+14158675309",
    "To": "+18005551212",
    "Caller": "+14158675309",
}
"""https://github.com/twilio/twilio-python/blob/main/tests/unit/test_request_validator.py"""
SIGNED = "RSOYDt4T1cUTdK1PDd93/VVr8B8="
DOCUMENTED = FIELDS | {"From": "+12349013030", "Caller": "+12349013030"}
"""https://www.twilio.com/docs/usage/security"""


def signed(
    given: str | None,
    url: str = URL,
    fields: Mapping[str, str] | list[tuple[str, str]] = FIELDS,
    *,
    token: str = TOKEN,
    shared_key: str = "",
    settings: str | None = None,
) -> bool:
    headers = {"x-twilio-signature": given, "x-twilio-webhooks-signature-settings": settings}
    return is_signed(
        url,
        fields if isinstance(fields, list) else fields.items(),
        {name: value for name, value in headers.items() if value is not None},
        token=Secret(token),
        shared_key=Secret(shared_key),
    )


def test_the_published_examples_are_signed() -> None:
    assert signed(SIGNED)
    assert signed("0/KCTR6DLpKmkAf8muzZqo1nDgQ=", fields=DOCUMENTED)
    repeated = [("Sid", "CA123"), ("SidAccount", "AC123"), ("Digits", "5678"), ("Digits", "1234")]
    assert signed("IK+Dwps556ElfBT0I3Rgjkr1wJU=", fields=repeated)


@pytest.mark.parametrize(
    ("url", "by"),
    [
        (URL.replace(".com", ".com:1234"), SIGNED),
        (URL.replace("https", "http").replace(".com", ".com:1234"), "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="),
        (URL, "kvajT1Ptam85bY51eRf/AJRuM3w="),
        (URL.replace("https", "http"), "0ZXoZLH/DfblKGATFgpif+LLRf4="),
    ],
)
def test_twilio_may_sign_with_or_without_the_port(url: str, by: str) -> None:
    assert signed(by, url)


def test_another_token_url_or_field_is_another_signature() -> None:
    assert not signed(SIGNED, token="12346")
    assert not signed(SIGNED, URL.replace("bar=2", "bar=3"))
    assert not signed(SIGNED, URL.replace("foo=1", "foo=%31"))
    assert not signed(SIGNED, fields=FIELDS | {"Digits": "1235"})
    assert not signed(SIGNED, fields=FIELDS | {"More": ""})


@pytest.mark.parametrize(
    "given", [None, "", " ", "x", SIGNED[:-1], f"{SIGNED} ", "ü", "=" * 10_000]
)
def test_what_is_no_signature_is_none(given: str | None) -> None:
    assert not signed(given)


def test_without_a_token_nothing_is_signed() -> None:
    assert not signed(signature(URL, FIELDS, ""), token="")


SETTINGS = "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"


def test_a_shared_key_signs_by_sha256_if_the_header_says_so() -> None:
    by = signature(URL, FIELDS, "shared", "sha256")
    assert signed(by, shared_key="shared", settings=SETTINGS)
    assert not signed(by, shared_key="shared")
    assert not signed(by, settings=SETTINGS), "no such key is set"
    assert not signed(SIGNED, shared_key="shared", settings=SETTINGS)
    named = "key=webhooks_sharedkey_1,algorithm=MD5"
    assert not signed(by, shared_key="shared", settings=named)


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=5), st.text(max_size=20))
def test_what_twilio_signs_is_signed_and_nothing_else_is(
    fields: dict[str, str], other: str
) -> None:
    url = "https://belfry.example.com/hooks/twilio/status?id=1"
    right = signature(url, fields, TOKEN)
    assert signed(right, url, fields)
    assert signed(other, url, fields) is (other == right)
