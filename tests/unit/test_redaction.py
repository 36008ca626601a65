"""No secret stays in a text, whatever form it has and whatever is around it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import make_conninfo

from shared.log import Event, JobLog, event, short
from shared.redaction import redact

_logger = logging.getLogger("belfry.test")
LETTERS = st.text("aez9+-.", max_size=200)
"""What may stand right before a secret; a scheme's characters among it."""
PASSWORDS = st.text(
    st.characters(exclude_categories=("Z", "C"), exclude_characters="Z"), min_size=1
).map(lambda text: f"Z{text}Z")
VALUES = st.text("abcXYZ019+/", min_size=1).map(lambda text: f"Z{text}Z==")


@given(LETTERS, st.sampled_from(["", "user", "a.b%40c"]), PASSWORDS, LETTERS)
def test_a_password_in_a_url_is_hidden_wherever_it_stands(
    before: str, user: str, password: str, after: str
) -> None:
    said = redact(f"{before}postgres://{user}:{password}@host/{after}")
    assert said == f"{before}postgres://{user}:***@host/{after}"


@given(
    LETTERS,
    st.sampled_from(["AccountKey=", "accountkey=", "sig=", "PASSWORD=", "?code=", "sig%3D"]),
    VALUES,
    st.sampled_from(["", ";EndpointSuffix=x", "&se=2030", " and so on", '"', "'"]),
)
def test_a_key_is_hidden_wherever_it_stands(before: str, name: str, key: str, after: str) -> None:
    assert redact(f"{before}{name}{key}{after}") == f"{before}{name}***{after}"


@pytest.mark.parametrize(
    "text",
    [
        "http://host:8080/path",
        "see https://host/a:b and mail@host",
        "12:30 a://b c:d@e",
        "http_code=3 design=x",
        'FATAL: password authentication failed for user "x"',
        "exit code: 5; the bearer of this",
        "a signature=none token",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    "piece",
    [
        "e",
        "://",
        "://u:",
        "a://b:c",
        "sig",
        "code",
        "AccountKey",
        "@",
        ":",
        "a:@",
        "'",
        "sig='",
        "//:",
    ],
)
def test_a_huge_text_is_read_once_whatever_it_holds(piece: str) -> None:
    """Two megabytes; reading from each place anew would take hours."""
    text = piece * (2_000_000 // len(piece))
    secret = " postgres://u:secret@h"
    assert redact(text + secret) == redact(text) + " postgres://u:***@h"
    assert len(short(text, 4_000)) <= 4_000
    log = JobLog(_logger, {}, lambda: "now")
    log(text, field=text)
    event(_logger, Event.JOB_LOG, level=logging.ERROR, field=text)
    assert len(log.text()) <= 24_000


Form = Callable[[str, str], str]
FORMS: dict[str, Form] = {
    "quoted": lambda name, secret: f"{name}='{secret}'",
    "in double quotes": lambda name, secret: f'{name} = "{secret}"',
    "after a colon": lambda name, secret: f"{name}: '{secret}'",
    "JSON": lambda name, secret: json.dumps({"user": "u", name: secret, "z": 1}),
    "JSON in UTF-8": lambda name, secret: json.dumps({name: secret}, ensure_ascii=False),
    "JSON in JSON": lambda name, secret: json.dumps({"text": json.dumps({name: secret})}),
    "Python": lambda name, secret: repr({"user": "u", name: secret, "z": 1}),
    "Python's call": lambda name, secret: f"connect({name}={secret!r}, port=1)",
    "bytes": lambda name, secret: repr({name: secret.encode()}),
    "in a URL": lambda name, secret: f"{name}={quote(secret, safe='')}&se=2",
    "in a URL in a URL": lambda name, secret: quote(f"{name}={quote(secret, safe='')}", safe=""),
    "PostgreSQL": lambda _, secret: make_conninfo(password=secret, dbname="x"),
}
LINES = ("quoted", "in double quotes", "after a colon")
NAMES = st.sampled_from(
    ["password", "PGPASSWORD", "AccountKey", "sig", "SharedAccessSignature", "client_secret"]
)
ANY = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
IN_LINE = st.text(st.characters(codec="utf-8", exclude_characters="\0\n'\"\\"))
BARE = st.text(st.characters(codec="utf-8", exclude_characters='\0\n";&%'))
"""Without what could as well end the value, in JSON, in a URL or in a connection string."""


@pytest.mark.parametrize("form", FORMS)
@given(st.data())
def test_a_secret_is_hidden_in_every_form(form: str, data: st.DataObject) -> None:
    """Spaces, quotes, signs and lines in it, and all."""
    inner = data.draw(IN_LINE if form in LINES else BARE if form == "PostgreSQL" else ANY)
    before, after = data.draw(LETTERS), data.draw(st.sampled_from(["", " and so on", "\nmore"]))
    told = FORMS[form](data.draw(NAMES), f"Zq{inner}qZ")
    said = redact(f"{before} {told}{after}")
    assert "Zq" not in said and "qZ" not in said, told
    assert said.startswith(before)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("password='correct horse battery' host=db", "password='***' host=db"),
        ("{'password': 'hunter2', 'z': 1}", "{'password': '***', 'z': 1}"),
        ('{"password": "x y", "z": 1}', '{"password": "***", "z": 1}'),
        ("password=pa;ss&word host=db", "password=*** host=db"),
        ("Password=abc;EndpointSuffix=x", "Password=***;EndpointSuffix=x"),
        ("password = 'x y' z", "password = '***' z"),
        ("password='x y, and cut", "password='***"),
        ("?sv%3D2024%26sig%3Dabc%26se%3D2", "?sv%3D2024%26sig%3D***%26se%3D2"),
        ("AccountKey%3Dabc%3D%3D", "AccountKey%3D***"),
        ("AGE-SECRET-KEY-1QQPZRY9, then", "AGE-SECRET-KEY-*** then"),
        ("Authorization: Bearer eyJ0 x", "Authorization: *** x"),
        ("Authorization: SharedKey acct:c2ln x", "Authorization: *** x"),
        ("sent Bearer eyJ0eXAiOiJKV1Qi.x y", "sent Bearer *** y"),
        ("as eyJ0eXAiOiJKV1Qi.eyJhdWQi.c-_2 y", "as eyJ*** y"),
        ("x-functions-key: abcd", "x-functions-key: ***"),
        ("SG.abcdefghijklmnopqrst.uvw x", "SG.*** x"),
        ("/bot123456:AAE-xyz/sendMessage x", "/bot123456:*** x"),
        ("https://hooks.slack.com/services/T0/B0/X x", "https://hooks.slack.com/*** x"),
        ("https://a.webhook.office.com/webhookb2/x@y x", "https://a.webhook.office.com/*** x"),
        ("-----BEGIN PRIVATE KEY-----\nMI+/=\n-----END", "-----BEGIN PRIVATE KEY-----***-----END"),
    ],
)
def test_each_kind_of_secret_that_the_settings_hold_is_known(text: str, said: str) -> None:
    assert redact(text) == said
    assert redact(said) == said
