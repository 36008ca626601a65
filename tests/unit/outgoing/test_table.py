"""Where customers' requests may go, and how what they give may be written: the attack table."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.outgoing import Blocked, Own, Rules, allowed, hold_headers
from shared.outgoing.addresses import parsed, refusal
from shared.outgoing.headers import followed
from shared.outgoing.places import host, place
from shared.outgoing.redirects import method, target

PUBLIC = (
    "8.8.8.8", "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
    "126.255.255.255", "128.0.0.0", "168.63.129.15", "168.63.129.17", "169.253.255.255",
    "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.167.255.255", "192.169.0.0",
    "198.17.255.255", "198.20.0.0", "223.255.255.255", "2606:4700::1111", "2001:4860:4860::8888",
    "2a00:1450::1", "2001:200::1", "::ffff:8.8.8.8",
)  # fmt: skip
NOT_PUBLIC = (
    "0.0.0.1", "0.1.2.3", "10.0.0.0", "10.255.255.255", "100.64.0.1", "100.127.255.255",
    "127.0.0.1", "127.255.255.254", "168.63.129.16", "169.254.0.1", "169.254.169.254",
    "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.0.170", "192.0.2.1", "192.88.99.1",
    "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.9", "224.0.0.1",
    "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::7f00:1", "::a9fe:a9fe", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
    "::ffff:168.63.129.16", "::ffff:a9fe:a9fe", "::ffff:0:127.0.0.1", "64:ff9b::a9fe:a9fe",
    "64:ff9b::8.8.8.8", "64:ff9b:1::1", "100::1", "2001::1", "2001:0:4136:e378::1", "2001:10::1",
    "2001:20::1", "2001:1ff:ffff::1", "2001:db8::1", "2002:a00:1::", "2002:7f00:1::", "3fff::1",
    "5f00::1", "4000::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1",
)  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses(address: str) -> None:
    found = parsed(address)
    assert found is not None and refusal(found) is None


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_addresses_that_are_not_public_as_a_literal_and_as_an_answer(address: str) -> None:
    found = parsed(address)
    assert found is not None and refusal(found)
    literal = f"[{address}]" if ":" in address else address
    with pytest.raises(Blocked, match="no public address"):
        Rules().hold(place(f"https://{literal}/"))
    with pytest.raises(Blocked, match="no public address"):
        Rules().hold_answers("evil.example", 443, ["8.8.8.8", address])


@given(st.integers(0, 2**32 - 1))
def test_no_address_is_public_that_python_calls_private(number: int) -> None:
    address = ipaddress.IPv4Address(number)
    mapped = ipaddress.IPv6Address(0xFFFF00000000 + number)
    if not address.is_global or address.is_multicast or address.is_reserved:
        assert refusal(address)
    assert refusal(mapped) == refusal(address)


@given(st.integers(0, 2**128 - 1))
def test_the_same_of_ipv6(number: int) -> None:
    address = ipaddress.IPv6Address(number)
    if not address.is_global or address.is_multicast or address.is_reserved:
        assert refusal(address)


@pytest.mark.parametrize(
    "written",
    [
        "2130706433", "0x7f000001", "0x7f.1", "127.1", "127.0.1", "0177.0.0.1", "017700000001",
        "00000177.0.0.1", "127.0.0.01", "127.0.0.1.", "①②⑦.⓪.⓪.①", "127。0。0。1", "\uff11.0.0.1",
        "localhost%00", "exam ple.com", "[::1%25eth0]", "[fe80::1%eth0]", "[::1", "::1",
        "a..b", ".a", "-a.example", "münchen.example", "%6c%6f%63alhost", "a" * 64 + ".example",
        "0x", "1.2.3.4.5", "256.1.1.1", "a.0x7f", "",
    ],
)  # fmt: skip
def test_hosts_in_other_forms_are_refused(written: str) -> None:
    url = f"https://{written}/"
    try:
        found = place(url)
    except ValueError as error:
        assert url not in str(error)
        return
    with pytest.raises(Blocked):  # 127.0.0.1. is the address, after all
        Rules().hold(found)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "//example.com/",
        "https:///path", "https:example.com", "https://user@example.com/",
        "https://user:passw0rd@example.com/", "https://@example.com/", "https://example.com\\@evil/",
        "https://example.com\r\nHost: x/", "https://example.com/a b", "https://example.com/\x00",
        "https://example.com:0/", "https://example.com:65536/", "https://example.com:x/",
        "https://example.com:+80/", "https://example.com/é", "https://example.com/" + "a" * 9000,
        " https://example.com/", "javascript:alert(1)", "", "https://",
    ],
)  # fmt: skip
def test_what_is_no_url_of_a_place(url: str) -> None:
    with pytest.raises(ValueError, match=r"give a URL|no host") as caught:
        place(url)
    assert "passw0rd" not in str(caught.value)


def test_one_form_of_each_place() -> None:
    assert place("HTTPS://Example.COM.:443/a?b=c#d").url == "https://example.com/a?b=c"
    assert place("http://[2606:4700:0::1111]:8080").url == "http://[2606:4700::1111]:8080/"
    assert place("https://[::ffff:8.8.8.8]/").host == "8.8.8.8"
    assert "secret" not in repr(place("https://example.com/secret?secret"))


@given(st.text(max_size=30))
def test_a_host_is_in_one_form_or_refused(text: str) -> None:
    try:
        found = host(text)
    except ValueError:
        return
    assert host(found) == found and found.isascii()
    shown = f"[{found}]" if ":" in found else found
    assert urlsplit(f"https://{shown}/").hostname == found


def test_ports_are_few_and_ranges_open_what_they_name() -> None:
    rules = Rules(
        allowed=allowed(["10.1.0.0/16", "10.2.0.1:9000", "10.3.0.1", "fd00::/8", "builds.corp"])
    )
    for url in (
        "https://example.com/", "http://example.com:8080/", "https://10.1.2.3:5000/",
        "http://10.2.0.1:9000/", "https://[fd12::1]/", "https://builds.corp:7000/",
    ):  # fmt: skip
        rules.hold(place(url))
    for url in (
        "https://example.com:22/", "https://example.com:6379/", "http://10.2.0.1:9001/",
        "https://10.0.0.1/", "https://other.corp:7000/",
    ):  # fmt: skip
        with pytest.raises(Blocked):
            rules.hold(place(url))
    assert rules.hold_answers("builds.corp", 7000, ["192.168.0.1"]) == ("192.168.0.1",)
    assert rules.hold_answers("x.example", 443, ["10.1.0.1", "8.8.8.8"]) == ("10.1.0.1", "8.8.8.8")
    with pytest.raises(Blocked, match=r"10\.3\.0\.1"):  # the address is opened, not names of it
        rules.hold_answers("x.example", 443, ["10.3.0.1"])
    with pytest.raises(Blocked, match=r"192\.168\.0\.1 is no public"):
        rules.hold_answers("x.example", 443, ["8.8.8.8", "192.168.0.1"])
    rules.hold_host("db.example", 5432)
    rules.hold_host("db.corp", 5432)  # it may lead into 10.1.0.0/16
    closed = Rules(allowed=allowed(["10.1.0.0/16:443", "builds.corp", "10.3.0.1"]))
    closed.hold_host("builds.corp", 5432)
    closed.hold_host("db.corp", 443)
    for inner in ("db.corp", "localhost", "redis", "x.privatelink.blob.core.windows.net"):
        with pytest.raises(Blocked, match="no public name"):
            closed.hold_host(inner, 5432)
    with pytest.raises(Blocked, match="mail"):
        rules.hold_host("mx.example", 25)


def test_nothing_opens_what_is_belfrys_own_or_azures() -> None:
    own = Own.of(
        accounts=["acct", ""],
        urls=["https://vault.example/x", "postgresql://u:p@db.corp/x", "http://127.0.0.1:10000/a"],
        identity="http://127.0.0.1:4141/msi/token",
    )
    rules = Rules(allowed=allowed(["0.0.0.0/0", "::/0", "db.corp", "localhost"]), own=own)
    for url in (
        "https://acct.blob.core.windows.net/x", "https://ACCT-secondary.table.core.windows.net./",
        "https://acct.z01.blob.storage.azure.net/", "https://vault.example/", "https://db.corp/",
        "http://127.0.0.1:4141/", "http://[::ffff:127.0.0.1]:4141/", "http://169.254.169.254/",
        "http://168.63.129.16/",
    ):  # fmt: skip
        with pytest.raises(Blocked):
            rules.hold(place(url))
    with pytest.raises(Blocked):
        rules.hold_answers("x.example", 4141, ["127.0.0.1"])
    rules.hold(place("http://127.0.0.1:10000/"))  # an emulator, if the setting names it
    rules.hold(place("https://other.blob.core.windows.net/"))
    with pytest.raises(Blocked):
        Rules(own=own).hold(place("http://127.0.0.1:10000/"))


@pytest.mark.parametrize("wrong", ["10.0.0.0/33", "a b", "host:0", "host:99999", "10.0.0.1/8:x"])
def test_what_is_no_range(wrong: str) -> None:
    with pytest.raises(ValueError, match="no "):
        allowed([wrong])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Host", "x"), ("content-length", "0"), ("Transfer-Encoding", "chunked"),
        ("Connection", "close"), ("Proxy-Authorization", "x"), ("proxy-x", "x"),
        ("Metadata", "true"), ("X-IDENTITY-HEADER", "x"), ("X_Identity_Header", "x"),
        ("Secret", "x"), ("Upgrade", "h2c"), ("TE", "trailers"), ("Trailer", "x"),
        ("Keep-Alive", "x"), ("Expect", "100-continue"), ("Accept-Encoding", "gzip"),
        ("X-A", "a\r\nHost: b"), ("X-A", "a\nb"), ("X-A", "a\x00"), ("X-A", " a"), ("X-A", "€"),
        ("X A", "a"), ("X:A", "a"), ("", "a"), ("X-\r\n", "a"), ("Ä", "a"), ("X-A", "a" * 20_000),
    ],
)  # fmt: skip
def test_headers_that_customers_may_not_set(name: str, value: str) -> None:
    with pytest.raises(Invalid, match=r"^headers: "):
        hold_headers({name: value})


def test_headers_that_they_may_set() -> None:
    hold_headers({"Authorization": "Bearer x", "X-A": "", "Content-Type": "text/plain"})
    with pytest.raises(Invalid, match="at most 50"):
        hold_headers({f"X-{number}": "" for number in range(51)})


def test_to_what_request_a_redirect_leads() -> None:
    at = place("https://a.example/x?y")
    for location, leads in (
        ("/z", "https://a.example/z"), ("//b.example/", "https://b.example/"),
        ("https://b.example:8443/ü é", "https://b.example:8443/%FC%20%E9"), ("?q", "https://a.example/x?q"),
    ):  # fmt: skip
        found = target(at, 302, location)
        assert found is not None and found.url == leads
    for location in (
        "http://a.example/",
        "ftp://a.example/",
        "https://u:p@a.example/",
        "https://\u00e9/",
    ):
        with pytest.raises(Blocked):
            target(at, 302, location)
    assert target(at, 304, "/z") is None and target(at, 302, None) is None
    steps = {
        (301, "POST"): "GET", (302, "POST"): "GET", (303, "POST"): "GET", (303, "PUT"): "GET",
        (307, "POST"): "POST", (308, "PUT"): "PUT", (302, "PUT"): "PUT", (303, "HEAD"): "HEAD",
    }  # fmt: skip
    for (status, before), after in steps.items():
        assert method(status, before) == after


def test_secret_headers_do_not_go_to_another_origin() -> None:
    sent = {"Authorization": "x", "X-Key": "y", "Accept": "*/*", "Content-Type": "text/plain"}
    assert followed(sent, elsewhere=False, without_body=False) == sent
    assert followed(sent, elsewhere=True, without_body=True) == {"Accept": "*/*"}
