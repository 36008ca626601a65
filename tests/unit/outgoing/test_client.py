"""The guarded client over real sockets: hostile names, redirects, servers and certificates."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.ports import HOST
from shared import transferred
from shared.clock import SystemClock
from shared.errors import Cancelled, Invalid
from shared.outgoing import Blocked, Limits, Own, Rules, TooLarge, Unreachable, Why, allowed
from shared.outgoing.client import Client
from shared.outgoing.lookup import system
from tests import certificate
from tests.unit.outgoing.servers import Names, Server, Speak, ok, server, text

HASTE = Limits(connect=1, first_byte=0.4, whole=0.8, body=1000)
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


def client(*places: str, port: int = 443, **more: Any) -> Client:
    """A client that may reach this machine. `port`: to which names may lead."""
    rules = Rules(allowed=allowed(places or (f"{HOST}/32",)), ports=(port,))
    return Client(rules, SystemClock(), **more)


def always(data: bytes) -> Callable[[Server], Speak]:
    return lambda _: text(data)


def until_over(*parts: bytes, every: float = 0.02) -> Callable[[Server], Speak]:
    """Send the first part, and then the last one again and again."""

    def speak(made: Server) -> Speak:
        def on(sock: socket.socket, _head: bytes) -> None:
            sock.sendall(parts[0])
            while not made.over.wait(every):
                sock.sendall(parts[-1])

        return on

    return speak


def flood(begin: bytes, piece: bytes) -> Callable[[Server], Speak]:
    """Send without end, as fast as it goes."""

    def speak(made: Server) -> Speak:
        def on(sock: socket.socket, _head: bytes) -> None:
            sock.sendall(begin)
            while not made.over.is_set():
                sock.sendall(piece * 1000)

        return on

    return speak


def test_the_bytes_of_both_ways_are_counted_for_who_asks() -> None:
    moved = transferred.Bytes()
    with server(always(ok(b"h" * 500))) as at:
        client().request("POST", at.url, body=b"a" * 300)  # nobody asks
        with transferred.counting(moved):
            client().request("POST", at.url, body=b"a" * 300)
    heads = len(at.heads[1]) + len(ok(b""))
    assert 800 < moved.moved <= 800 + heads + 300


def test_what_is_sent_and_what_comes_back() -> None:
    with server(always(ok(b"hello", b"X-A: 1", b"X-A: 2"))) as at:
        answer = client().request(
            "POST", f"{at.url}/p?q=1#f", headers={"X-Key": "k", "Content-Type": "a/b"}, body=b"abc"
        )
    assert (answer.status, answer.body, answer.cut, answer.address) == (200, b"hello", False, HOST)
    assert [value for name, value in answer.headers if name == "X-A"] == ["1", "2"]
    assert answer.header("x-a") == "1" and answer.url == f"{at.url}/p?q=1"
    assert 0 <= answer.connected_after <= answer.first_byte_after <= answer.ended_after < 5
    lines = at.heads[0].split(b"\r\n")
    assert lines[0] == b"POST /p?q=1 HTTP/1.1"
    assert set(lines[1:-2]) == {
        b"Host: %s" % f"{HOST}:{at.port}".encode(), b"Accept-Encoding: identity",
        b"Connection: close", b"User-Agent: Belfry", b"X-Key: k", b"Content-Type: a/b",
        b"Content-Length: 3",
    }  # fmt: skip


def test_headers_of_customers_are_checked_before_anything_is_sent() -> None:
    with server(always(ok())) as at, pytest.raises(Invalid):
        client().request("GET", at.url, headers={"Host": "metadata"})
    assert at.heads == []


def test_a_name_is_asked_for_once_and_the_checked_address_is_reached() -> None:
    """It means another place a moment later (rebinding), which is never reached."""
    with (
        server(always(ok(b"first"))) as good,
        Names({"a.example": [[HOST], ["127.0.0.2"]]}).served() as names,
    ):
        one = client(f"{HOST}/32:{good.port}", port=good.port, resolve=names.resolve)
        answer = one.request("GET", f"http://a.example:{good.port}/")
        assert answer.body == b"first" and names.asked == ["a.example"]
        assert b"Host: a.example:" in good.heads[0]
        with pytest.raises(Blocked, match=r"127\.0\.0\.2 is no public"):
            one.request("GET", f"http://a.example:{good.port}/")
        assert len(good.heads) == 1


@pytest.mark.parametrize("hidden", ["127.0.0.2", "10.0.0.1", "169.254.169.254", "168.63.129.16"])
def test_one_bad_address_among_good_ones_is_enough(hidden: str) -> None:
    with server(always(ok())) as at, Names({"a.example": [[HOST, hidden]]}).served() as names:
        one = client(port=at.port, resolve=names.resolve)
        with pytest.raises(Blocked):
            one.request("GET", f"http://a.example:{at.port}/")
        with pytest.raises(Blocked):
            one.connect("a.example", at.port)
        with pytest.raises(Blocked):
            one.addresses("a.example", at.port)
    assert at.heads == []


def test_the_addresses_are_tried_in_their_order() -> None:
    with server(always(ok(b"x"))) as at:
        one = client("127.0.0.0/8", port=at.port, resolve=lambda *_: ["127.0.0.9", HOST, HOST])
        assert one.request("GET", f"http://a.example:{at.port}/").address == HOST
        assert one.addresses("a.example", 1) == ("127.0.0.9", HOST)


def test_the_platform_is_asked_once_by_the_real_way(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []

    def recorded(*what: Any, **more: Any) -> Any:
        asked.append(what)
        return real(*what, **more)

    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", recorded)
    with server(always(ok())) as at:
        assert client("localhost").request("GET", f"http://localhost:{at.port}/").status == 200
        assert asked == [("localhost", at.port)]
        client().request("GET", at.url)
        assert len(asked) == 1, "an address is not looked up"
    with pytest.raises(Blocked, match="no public name"):
        Client(Rules(), SystemClock()).request("GET", "https://localhost/")
    assert HOST in system("localhost", 80)


def test_names_without_an_answer_and_resolvers_that_hang() -> None:
    with Names({}).served() as names, pytest.raises(Unreachable) as caught:
        client(resolve=names.resolve).request("GET", "https://none.example/")
    assert caught.value.why is Why.NAME
    hold = threading.Event()

    def hanging(*_: object) -> list[str]:
        hold.wait(30)
        return []

    began = time.monotonic()
    with pytest.raises(Unreachable) as caught:
        client(resolve=hanging).request("GET", "https://a.example/", limits=Limits(connect=0.2))
    hold.set()
    assert caught.value.why is Why.TIMEOUT and time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("to", "raises"),
    [
        ("http://127.0.0.2:{port}/", Blocked),
        ("http://169.254.169.254/metadata/instance", Blocked),
        ("http://[::1]/", Blocked),
        ("http://2130706433/", Blocked),
        ("http://a.example:{port}/", Blocked),
        ("file:///etc/passwd", Blocked),
    ],
)
def test_a_redirect_leads_nowhere_that_a_url_may_not(to: str, raises: type[Exception]) -> None:
    def speak(made: Server) -> Speak:
        return lambda sock, _: sock.sendall(
            b"HTTP/1.1 302 F\r\nLocation: " + to.format(port=made.port).encode() + b"\r\n\r\n"
        )

    with server(speak) as at:
        one = client(resolve=lambda *_: ["127.0.0.2"])
        with pytest.raises(raises):
            one.request("GET", at.url, limits=Limits(redirects=3))
        assert one.request("GET", at.url).status == 302, "none is followed unless asked for"


def test_redirects_are_counted_and_secrets_stay() -> None:
    def speak(made: Server) -> Speak:
        def on(sock: socket.socket, head: bytes) -> None:
            path = head.split()[1]
            if path == b"/end":
                sock.sendall(ok(b"end"))
            else:
                where = f"http://localhost:{made.port}/end" if path == b"/away" else "/away"
                where = "/loop" if path == b"/loop" else where
                sock.sendall(f"HTTP/1.1 303 S\r\nLocation: {where}\r\n\r\n".encode())

        return on

    with server(speak) as at:
        one = client(HOST, "localhost")
        sent = {"Authorization": "hush", "X-Key": "hush", "Content-Type": "a/b", "Accept": "x/y"}
        answer = one.request(
            "POST", f"{at.url}/", headers=sent, body=b"abc", limits=Limits(redirects=3)
        )
        assert answer.body == b"end" and answer.url == f"http://localhost:{at.port}/end"
        first, second, third = at.heads
        assert first.startswith(b"POST / ") and b"hush" in first
        assert second.startswith(b"GET /away ") and b"Authorization: hush" in second
        assert third.startswith(b"GET /end ") and b"hush" not in third and b"x/y" in third
        assert b"Content-" not in second + third
        at.heads.clear()
        answer = one.request("GET", f"{at.url}/loop", limits=Limits(redirects=5))
        assert answer.status == 303 and len(at.heads) == 6


HOSTILE: dict[str, tuple[Callable[[Server], Speak], Why]] = {
    "nothing": (until_over(b"", b""), Why.TIMEOUT),
    "a slow status": (until_over(b"HTTP/1.1 200 O", b"K"), Why.TIMEOUT),
    "slow headers": (until_over(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"), Why.TIMEOUT),
    "a slow body": (until_over(b"HTTP/1.1 200 OK\r\n\r\n", b"x"), Why.TIMEOUT),
    "a slow chunk": (
        until_over(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
        Why.TIMEOUT,
    ),
    "slow trailers": (
        until_over(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n"),
        Why.TIMEOUT,
    ),
    "10,000 headers": (
        always(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 10_000 + b"\r\n"),
        Why.PROTOCOL,
    ),
    "endless headers": (flood(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"), Why.PROTOCOL),
    "an endless header": (flood(b"HTTP/1.1 200 OK\r\nX: ", b"y"), Why.PROTOCOL),
    "an endless status": (flood(b"HTTP/1.1 200 ", b"O"), Why.PROTOCOL),
    "a storm of 100": (flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), Why.PROTOCOL),
    "a storm of 103": (flood(b"", b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n"), Why.PROTOCOL),
    "101": (always(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n"), Why.PROTOCOL),
    "endless trailers": (
        flood(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n"),
        Why.PROTOCOL,
    ),
    "endless chunk extensions": (
        flood(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1;" + b"x" * 900),
        Why.PROTOCOL,
    ),
    "no HTTP": (always(b"SSH-2.0-OpenSSH_9.6\r\n"), Why.PROTOCOL),
    "HTTP/0.9": (always(b"<html>hello</html>"), Why.PROTOCOL),
    "a broken header": (always(b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n"), Why.PROTOCOL),
    "two lengths": (
        always(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabc"),
        Why.PROTOCOL,
    ),
    "a short body": (always(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), Why.BROKEN),
    "a broken chunk": (
        always(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc"),
        Why.BROKEN,
    ),
    "a negative chunk": (
        always(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nabc"),
        Why.PROTOCOL,
    ),
    "closed": (always(b""), Why.BROKEN),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_servers(what: str) -> None:
    speak, why = HOSTILE[what]
    with server(speak) as at:
        began = time.monotonic()
        with pytest.raises(Unreachable) as caught:
            client().request("GET", f"{at.url}/secret", limits=HASTE)
        assert time.monotonic() - began < 10
    assert caught.value.why is why and "secret" not in str(caught.value)


def test_of_a_body_only_its_beginning_is_read() -> None:
    bomb = gzip.compress(bytes(10_000_000))
    packed = (b"Content-Encoding: gzip",)
    cases = [
        (flood(b"HTTP/1.1 200 OK\r\n\r\n", b"x"), b"x" * 1000, True),
        (
            flood(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
            b"x" * 1000,
            True,
        ),
        (always(ok(bomb, *packed)), bomb[:1000], True),
        (always(ok(bomb[:900], *packed)), bomb[:900], False),
        (always(ok(b"x" * 1000)), b"x" * 1000, False),
        (always(b"HTTP/1.1 200 OK\r\n\r\nno length"), b"no length", False),
        (always(b"HTTP/1.0 200 OK\r\n\r\nold"), b"old", False),
        (always(ok(b"abc") + b"HTTP/1.1 200 OK\r\n\r\ngarbage"), b"abc", False),
        (until_over(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1000, b""), b"x" * 1000, True),
        (always(b"HTTP/1.1 103 Hints\r\nX: y\r\n\r\n" + ok(b"after")), b"after", False),
        (always(b"HTTP/1.1 204 No\r\n\r\nbody"), b"", False),
    ]
    for speak, body, cut in cases:
        with server(speak) as at:
            answer = client().request("GET", at.url, limits=HASTE)
        assert (answer.body, answer.cut) == (body, cut)


def test_the_environment_names_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with server(always(ok(b"proxy"))) as proxy, server(always(ok(b"direct"))) as at:
        for name in PROXIES:
            monkeypatch.setenv(name, proxy.url)
            monkeypatch.setenv(name.lower(), proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        assert client().request("GET", at.url).body == b"direct"
        assert client().pool(Limits()).request("GET", at.url).read() == b"direct"
    assert proxy.heads == []


def test_a_request_ends_when_it_is_to_stop() -> None:
    stop = threading.Event()
    with server(until_over(b"HTTP/1.1 200 OK\r\n\r\n", b"x")) as at:
        threading.Timer(0.2, stop.set).start()
        with pytest.raises(Cancelled):
            client().request("GET", at.url, stop=stop)


def test_certificates_are_checked_for_the_name(tmp_path: Path) -> None:
    made = certificate.make(tmp_path)
    with server(always(ok(b"secret")), certificate=made) as at:

        def ask(host: str, trusted: Path | None) -> bytes:
            one = client(port=at.port, resolve=lambda *_: [HOST], trusted=trusted)
            return one.request("GET", f"https://{host}:{at.port}/").body

        one = client(HOST, "localhost", trusted=made.file)
        assert ask("localhost", made.file) == ask(HOST, made.file) == b"secret"
        for host, trusted in (("a.example", made.file), ("localhost", None)):
            with pytest.raises(Unreachable, match="certificate is not good") as caught:
                ask(host, trusted)
            assert caught.value.why is Why.TLS
        good = one.handshake("localhost", at.port)
        assert good.verified and len(good.chain) == 1 and good.version == "TLSv1.3"
        wrong = one.handshake(HOST, at.port, server_name="a.example")
        assert not wrong.verified and "a.example" in wrong.problem and wrong.chain == good.chain
        unknown = client(HOST).handshake(HOST, at.port)
        assert not unknown.verified and "self-signed" in unknown.problem
        assert len(at.heads) == 2, "nothing is sent to a wrong one"
    with server(always(b"SSH-2.0-OpenSSH_9.6\r\n"), first=True) as at:
        for way in (one.handshake, lambda *to: one.request("GET", f"https://{to[0]}:{to[1]}/")):
            with pytest.raises(Unreachable) as caught:
                way(HOST, at.port)
            assert caught.value.why is Why.TLS


def test_a_plain_connection_goes_to_a_checked_address() -> None:
    with server(always(b"hello")) as at, client().connect(HOST, at.port) as sock:
        sock.sendall(b"x\r\n\r\n")
        assert sock.recv(10) == b"hello"
    for host in ("127.0.0.2", "10.0.0.1", "a b", "0x7f.1"):
        with pytest.raises(Blocked):
            client().connect(host, 5432)
    with pytest.raises(Unreachable) as caught:
        client().connect(HOST, 1)
    assert caught.value.why is Why.CONNECT


def test_where_the_app_gets_its_tokens_is_never_reached() -> None:
    with server(always(ok(b"token"))) as at:
        own = Own.of(accounts=(), urls=(), identity=f"{at.url}/msi/token")
        rules = Rules(allowed=allowed([HOST, "a.example"]), own=own)
        one = Client(rules, SystemClock(), resolve=lambda *_: [HOST])
        for host in (HOST, "a.example", "[::ffff:127.0.0.1]"):
            with pytest.raises(Blocked):
                one.request("GET", f"http://{host}:{at.port}/msi/token")
            with pytest.raises(Blocked):
                one.connect(host.strip("[]"), at.port)
        with pytest.raises(ValueError, match="tokens"):
            one.hold(f"{at.url}/")
    assert at.heads == []


def test_a_pool_counts_over_all_of_its_requests() -> None:
    with server(always(ok(b"x" * 600, b"Content-Encoding: gzip"))) as at:
        pool = client().pool(Limits(body=1000, whole=5), headers={"X-A": "1"})
        answer = pool.request("GET", f"{at.url}/a", preload_content=False, timeout=99)
        assert (answer.status, answer.headers["content-encoding"]) == (200, "gzip")
        assert answer.read(100) == b"x" * 100 and len(answer.data) == 500
        assert answer.geturl() == f"{at.url}/a" and answer.read(5) == b""
        assert b"X-A: 1" in at.heads[0]
        with pytest.raises(TooLarge, match="1,000"):
            pool.request("POST", at.url, body=iter([b"a", b"bc"])).read()
        assert b"chunked" in at.heads[1]
        with pytest.raises(Blocked):
            pool.request("GET", "http://127.0.0.2/")
    late = client().pool(Limits(whole=0))
    with pytest.raises(Unreachable, match="too long"):
        late.request("GET", at.url)
