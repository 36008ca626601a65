"""What a resource may be: pure, (before, wanted) -> resource."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clock import SystemClock
from shared.errors import Invalid
from shared.outgoing import Own, Rules
from shared.outgoing.client import Client
from shared.resources.model import Kind
from shared.resources.naming import kind_of, missing, names
from shared.resources.wanted import (
    Wanted,
    check_signing_key,
    new_signing_key,
    rotated,
    settled,
    shown_url,
)
from shared.resources.webhooks import Webhook
from shared.settings import Secret

NOW = datetime(2026, 3, 1, tzinfo=UTC)


PLACES = Client(Rules(own=Own(hosts=frozenset({"db.belfry.dev"}))), SystemClock())
"""What customers may reach if no setting opens more."""


def made(of: Kind, secrets: dict[str, Any] | None = None, **fields: Any) -> Any:
    given = {name: None if one is None else Secret(one) for name, one in (secrets or {}).items()}
    return settled(of, None, {}, Wanted(fields={"name": "n"} | fields, secrets=given), PLACES)


def target(kind: str, secrets: dict[str, Any] | None = None, **fields: Any) -> Any:
    return made(Kind.TARGET, secrets, kind=kind, **fields)


GOOD: list[tuple[str, dict[str, str], dict[str, Any]]] = [
    ("http", {}, {"url": "https://a.de/x"}),
    ("http", {"authorization": "Bearer abc"}, {"url": "https://a.de/x"}),
    ("tcp", {}, {"host": "a.de", "port": 6379}),
    ("tcp", {}, {"host": "2606:4700::1111", "port": 853}),
    ("tls", {}, {"host": "a.de"}),
    ("tls", {}, {"host": "a.de", "port": 8443}),
    ("dns", {}, {"host": "a.de", "record": "MX"}),
    ("sql", {"url": "postgresql://u:p@a.de/d"}, {"table": "orders"}),
    ("container", {"url": "https://s.blob.core.windows.net/c?sig=x"}, {}),
    ("container", {"url": "AccountName=a;AccountKey=b"}, {"container": "c-1"}),
    ("table", {"url": "AccountName=a;AccountKey=b"}, {"table": "Orders"}),
    ("pair", {}, {"source_id": "a", "destination_id": "b"}),
]
BAD: list[tuple[str, dict[str, str], dict[str, Any], str, str]] = [
    ("http", {}, {}, "url", "needs it"),
    ("http", {}, {"url": "http://127.0.0.1/"}, "url", "127.0.0.1 is no public address"),
    ("http", {}, {"url": "https://a.de", "host": "b"}, "host", "has none"),
    ("http", {"authorization": "a\nb"}, {"url": "https://a.de"}, "authorization", "visible"),
    ("tcp", {}, {"host": "a.de"}, "port", "needs it"),
    ("tcp", {}, {"host": "a b", "port": 1}, "host", "give a name"),
    ("tcp", {"url": "https://a.de"}, {"host": "a", "port": 1}, "url", "has none"),
    ("dns", {}, {"host": "a.de", "record": "ANY"}, "record", "give A, AAAA"),
    ("sql", {}, {}, "url", "needs it"),
    ("sql", {"url": "mysql://a"}, {}, "url", "postgresql://"),
    ("sql", {"url": "postgresql://a"}, {"url": "postgresql://a"}, "url", "has none"),
    ("sql", {"url": "postgresql://u:p@a.de/d?host=/run"}, {}, "url", "leave out host"),
    ("container", {"url": "https://127.0.0.1/c"}, {}, "url", "127.0.0.1 is no public address"),
    ("container", {"url": "AccountName=a;AccountKey=b"}, {}, "container", "does not name it"),
    ("container", {"url": "nonsense"}, {"container": "abc"}, "url", "connection string"),
    ("table", {"url": "AccountName=a"}, {"table": "a_b"}, "table", "3 to 63"),
    ("pair", {}, {"source_id": "a"}, "destination_id", "needs it"),
    ("pair", {}, {"source_id": "a", "destination_id": "a"}, "destination_id", "another target"),
    ("nosuch", {}, {}, "kind", "http"),
]
CLOSED = {
    "127.0.0.1": "127.0.0.1 is no public address",
    "10.1.2.3": "10.1.2.3 is no public address",
    "169.254.169.254": "169.254.169.254 is no public address",
    "168.63.129.16": "168.63.129.16 is no public address",
    "[::ffff:127.0.0.1]": "127.0.0.1 is no public address",
    "[fd00::1]": "fd00::1 is no public address",
    "2130706433": "is no host",
    "0177.0.0.1": "is no host",
    "localhost": "no public name",
    "redis": "no public name",
    "vault.internal": "no public name",
    "db.belfry.dev": "Belfry's own",
}


@pytest.mark.parametrize("host", CLOSED)
def test_inner_places_are_refused_in_the_same_words_whatever_is_to_be_reached(host: str) -> None:
    asked: list[tuple[str, dict[str, str], dict[str, Any], str]] = [
        ("http", {}, {"url": f"https://{host}/"}, "url"),
        ("sql", {"url": f"postgresql://u:p@{host}/d"}, {}, "url"),
        ("tcp", {}, {"host": host, "port": 5432}, "host"),
        ("tls", {}, {"host": host}, "host"),
    ]
    for kind, secrets, fields, field in asked:
        with pytest.raises(Invalid) as raised:
            target(kind, secrets, **fields)
        assert raised.value.field == field
        said = "give a URL such as" if kind == "sql" and "no host" in CLOSED[host] else CLOSED[host]
        assert said in raised.value.message


def test_a_forbidden_port_and_names_without_public_records_are_refused() -> None:
    for kind, secrets, fields in (
        ("tcp", {}, {"host": "a.de", "port": 25}),
        ("tls", {}, {"host": "a.de", "port": 25}),
        ("sql", {"url": "postgresql://u:p@a.de:25/d"}, {}),
    ):
        with pytest.raises(Invalid, match="port 25 is for mail servers"):
            target(kind, secrets, **fields)
    for host in ("vault.internal", "x.example", "10.0.0.1", "1.0.168.192.in-addr.arpa"):
        with pytest.raises(Invalid, match="no name on the public internet"):
            target("dns", host=host)


def test_each_kind_of_target_takes_what_it_needs_and_nothing_else() -> None:
    for kind, secrets, fields in GOOD:
        found = target(kind, secrets, **fields)
        assert set(found.secrets) == set(secrets) and found.what.kind == kind
    for kind, secrets, fields, field, said in BAD:
        with pytest.raises(Invalid, match=said) as raised:
            target(kind, secrets, **fields)
        assert raised.value.field == field, (kind, fields)
        assert not any(one in str(raised.value) for one in secrets.values())


def test_a_repository_takes_what_git_and_http_take() -> None:
    url = "https://github.com/e/e.git"
    goods: list[dict[str, Any]] = [{}, {"branch": "feature/a-1.x"}, {"username": "oauth2"}]
    for good in goods:
        assert made(Kind.REPOSITORY, {"token": "t"}, url=url, **good).what.url == url
    for field, wrong in (
        *(("branch", one) for one in ("-x", "a b", "a..b", "a:b", "x/", "\x7f")),
        *(("username", one) for one in ("a:b", "a b", "ü")),
    ):
        with pytest.raises(Invalid) as raised:
            made(Kind.REPOSITORY, None, url=url, **{field: wrong})
        assert raised.value.field == field, wrong
    with pytest.raises(Invalid, match="give an https URL such as") as raised:
        settled(
            *(Kind.REPOSITORY, None, {}),
            Wanted(fields={"name": "n", "url": "http://github.com/e/e.git"}, secrets={}),
            PLACES,
        )
    assert raised.value.field == "url"
    for wrong in ("a\nb", "ü", ""):
        with pytest.raises(Invalid, match="token"):
            made(Kind.REPOSITORY, {"token": wrong}, url=url)
    with pytest.raises(Invalid, match="authorization"):
        target("http", {"authorization": "a" * 2000 + "\r\nX: y"}, url="https://a.de")


@given(st.binary(min_size=24, max_size=64))
def test_keys_of_24_to_64_bytes_are_taken(raw: bytes) -> None:
    check_signing_key(Secret("whsec_" + base64.b64encode(raw).decode()))


@pytest.mark.parametrize(
    "wrong", ["", "whsec_", "whsec_AAAA", "whsec_" + "A" * 100, "A" * 44, "whsec_ä" + "A" * 43]
)
def test_other_keys_are_not(wrong: str) -> None:
    with pytest.raises(Invalid, match="24 to 64 bytes") as raised:
        check_signing_key(Secret(wrong))
    assert len(wrong) < 8 or wrong not in str(raised.value)


def test_keys_that_are_made_differ_and_are_taken() -> None:
    first, second = new_signing_key(), new_signing_key()
    assert first != second
    check_signing_key(first)


@given(st.integers(0, 720), st.booleans())
def test_a_rotation_keeps_the_old_key_as_long_as_it_is_told(hours: int, had_older: bool) -> None:
    kept = {"url": Secret("u"), "signing_key": Secret("one")}
    kept |= {"old_signing_key": Secret("zero")} if had_older else {}
    new = new_signing_key()
    after = rotated(Webhook(name="n"), kept, new, NOW, timedelta(hours=hours))
    assert after.secrets["signing_key"] == new and after.secrets["url"] == Secret("u")
    assert isinstance(after.what, Webhook)
    if hours:
        assert after.secrets["old_signing_key"] == Secret("one")
        assert datetime.fromisoformat(after.what.old_key_until) == NOW + timedelta(hours=hours)
    else:
        assert "old_signing_key" not in after.secrets and after.what.old_key_until == ""


@given(
    st.text("abcdefghijklmnop/", min_size=12, max_size=60),
    st.text("abcdefghijklmnop=&", max_size=30),
)
def test_a_shown_url_tells_the_host_and_little_of_the_path(path: str, query: str) -> None:
    url = f"https://u:pw@hooks.example.com:8443/{path}" + (f"?{query}" if query else "")
    shown = shown_url(url)
    assert shown.startswith("https://hooks.example.com:8443/") and "pw" not in shown
    assert shown.removeprefix("https://hooks.example.com:8443/") == f"{path[:4]}…"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://a.de", "https://a.de"),
        ("https://a.de/", "https://a.de/"),
        ("https://a.de/?token=s3cr3t", "https://a.de/?…"),
        ("https://a.de?token=s3cr3t", "https://a.de…"),
    ],
)
def test_a_query_is_never_shown(url: str, shown: str) -> None:
    assert shown_url(url) == shown


def test_what_is_left_out_stays_and_what_is_removed_is_gone() -> None:
    url = "https://github.com/e/e.git"
    fields = {"name": "n", "url": url}
    first = settled(
        Kind.REPOSITORY, None, {}, Wanted(fields=fields, secrets={"token": Secret("t")}), PLACES
    )
    same = settled(Kind.REPOSITORY, first.what, first.secrets, Wanted(fields=fields), PLACES)
    assert same == first
    without = Wanted(fields=fields, secrets={"token": None})
    assert settled(Kind.REPOSITORY, first.what, first.secrets, without, PLACES).secrets == {}
    other = Wanted(fields={"name": "n", "url": "https://evil.example/e.git"})
    with pytest.raises(Invalid, match="give it anew"):
        settled(Kind.REPOSITORY, first.what, first.secrets, other, PLACES)
    settled(Kind.REPOSITORY, first.what, {}, other, PLACES)


@given(st.text(max_size=5000))
def test_a_secret_is_never_in_what_is_said_of_it(text: str) -> None:
    marked = f"s3cr3t{text}"
    for kind, name in (
        (Kind.WEBHOOK, "url"),
        (Kind.WEBHOOK, "signing_key"),
        (Kind.REPOSITORY, "token"),
    ):
        try:
            found = made(kind, {name: marked}, url="https://127.0.0.1/")
        except Invalid as error:
            assert "s3cr3t" not in str(error)
        else:
            assert "s3cr3t" not in repr(found)


def test_parameters_name_resources_by_their_names() -> None:
    found = {name: kind_of(name) for name in ("webhook_id", "target_ids", "pair_id", "name", "id")}
    assert found == {
        "webhook_id": Kind.WEBHOOK,
        "target_ids": Kind.TARGET,
        "pair_id": Kind.TARGET,
        "name": None,
        "id": None,
    }
    assert names({"webhook_id": 15}, ["webhook_id"], "15")
    assert names({"target_ids": ["a", 7]}, ["target_ids"], "7")
    assert not names({"webhook_id": 15, "other": "16"}, ["webhook_id"], "16")
    assert not names({}, ["webhook_id"], "None")
    assert str(missing(Kind.TARGET, "a", None)) == (
        "there is no target 'a' that belongs to no project; make it with PUT /api/v1/targets/a"
    )
