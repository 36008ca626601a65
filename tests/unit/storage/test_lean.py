"""The transport, over a real socket: what becomes of answers, and of none."""

from __future__ import annotations

import gc
import gzip
import ipaddress
import os
import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import AzureError, ServiceRequestError, ServiceResponseError
from azure.core.rest import HttpRequest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from shared.clock import ManualClock
from shared.errors import Misconfigured
from shared.storage.checked import CheckedClock
from shared.storage.lean import Answer, Lean
from tests.unit.storage.server import SECONDS, Says, Server, chunked, says

BIG = os.urandom(8_000_000)
WHOLE = says(200, b"x" * 1000, x_ms_version="2020-12-06")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@pytest.fixture(scope="module", autouse=True)
def only_what_these_tests_make_is_collected() -> Iterator[None]:
    """What the run made before is not looked through again after each test."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def nothing_is_left_open(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A socket that nobody closed is a warning when it is collected, and here that is an error."""
    for name in (*PROXIES, *BUNDLES):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    yield
    gc.collect()


def ask(lean: Lean, url: str, read_timeout: float = SECONDS) -> Answer:
    request = HttpRequest("GET", url)
    return lean.send(request, connection_timeout=SECONDS, read_timeout=read_timeout)


def failure(server: Server, read_timeout: float = SECONDS) -> AzureError:
    """What a request ends with; its connection was closed, and the next request is answered."""
    with Lean(server.url) as lean:
        with pytest.raises(AzureError) as caught:
            ask(lean, server.url, read_timeout)
        assert server.all_ended()
        server.add(says(200, b"again"))
        assert ask(lean, server.url).content == b"again"
    assert server.all_ended()
    return caught.value


def test_an_answer_is_read_whole() -> None:
    with Server(says(404, "Grüße".encode(), x_ms_error_code="Gone")) as server:
        request = HttpRequest("POST", f"{server.url}/a%27b?c=d", content=b"<x/>")
        with Lean(server.url) as lean:
            answer = lean.send(request, connection_timeout=SECONDS, read_timeout=SECONDS)
        assert (answer.status_code, answer.reason, answer.text()) == (404, "Word", "Grüße")
        assert answer.headers["X-MS-Error-Code"] == "Gone"
        (asked,) = server.asked
    assert asked.start[:2] == ["POST", "/a%27b?c=d"]
    assert asked.data == b"<x/>" and asked.headers["content-length"] == "4"


@pytest.mark.parametrize(
    ("answer", "content"),
    [
        (says(200, BIG), BIG),
        (chunked([b"some", b"more" * 5000, b"."]), b"some" + b"more" * 5000 + b"."),
        (chunked([]), b""),
        (says(200, gzip.compress(b"packed" * 999), Content_Encoding="gzip"), b"packed" * 999),
        (chunked([gzip.compress(b"both")], Content_Encoding="gzip"), b"both"),
        (says(204, Content_Length=""), b""),
        (Says(says(200, b"to its end", Content_Length="").sent, "close"), b"to its end"),
        (Says(b"HTTP/1.1 100 Continue\r\n\r\n" + says(200, b"then").sent), b"then"),
    ],
    ids=["big", "chunked", "empty", "gzip", "gzip in chunks", "204", "until it closes", "100"],
)
def test_however_long_it_is_and_however_packed(answer: Says, content: bytes) -> None:
    with Server(answer) as server, Lean(server.url) as lean:
        assert ask(lean, server.url).content == content


def test_a_redirect_is_an_answer() -> None:
    with Server(says(302, Location="http://127.0.0.1:1/")) as server, Lean(server.url) as lean:
        assert ask(lean, server.url).status_code == 302
        assert len(server.asked) == 1


HEAD_ENDS = (b"HTTP", b"200", b"Word\r\n", b"Content-Length: 1", b"Content-Length: 1000\r\n")
DATED = says(204, Content_Length="", Date="Thu, 01 Jan 2026 12:34:56 GMT")


@pytest.mark.parametrize("then", ["close", "reset"])
@pytest.mark.parametrize("end", HEAD_ENDS)
def test_an_answer_that_is_cut_in_its_head_is_none(end: bytes, then: Any) -> None:
    with Server(WHOLE.cut(end, then)) as server:
        assert isinstance(failure(server), ServiceResponseError)


@pytest.mark.parametrize("end", [b"Date: ", b"2026", b"12:3", b"12:34:56", b"56 G"])
def test_a_date_that_was_cut_is_no_time(end: bytes) -> None:
    clock = CheckedClock(ManualClock(datetime(2026, 1, 1, 12, 34, 56, tzinfo=UTC)))
    refusal = Says(DATED.sent.replace(b" 204 ", b" 403 "))
    with Server(DATED.cut(end), refusal.cut(end)) as server, Lean(server.url, clock) as lean:
        with pytest.raises(ServiceResponseError, match="head was cut"):
            ask(lean, server.url)
        assert ask(lean, server.url).status_code == 403
    assert clock.difference is None


def test_the_date_of_an_answer_is_heard() -> None:
    clock = CheckedClock(ManualClock(datetime(2026, 1, 1, tzinfo=UTC)))
    with Server(DATED) as server, Lean(server.url, clock) as lean:
        ask(lean, server.url)
    assert clock.difference is not None
    assert abs(clock.now() - datetime(2026, 1, 1, 12, 34, 56, tzinfo=UTC)) < timedelta(seconds=30)


@pytest.mark.parametrize("then", ["close", "reset"])
@pytest.mark.parametrize(
    "answer",
    [
        WHOLE.cut(len(WHOLE.sent) - 1),
        WHOLE.cut(b"GMT\r\n"),  # the rest of the head, and the body
        chunked([b"a" * 100, b"b" * 100]).cut(b"a" * 100),
        chunked([b"a" * 100]).cut(b"a" * 100 + b"\r\n"),
        chunked([gzip.compress(BIG[:9999])], Content_Encoding="gzip").cut(5000),
    ],
    ids=["within", "before", "within its chunks", "before the last chunk", "gzip"],
)
def test_an_answer_that_is_cut_in_its_body_is_none(answer: Says, then: Any) -> None:
    with Server(Says(answer.sent, then)) as server:
        assert isinstance(failure(server), ServiceResponseError)


@pytest.mark.parametrize("at", [0, 5, 30, 300], ids=["at once", "5", "in the head", "in the body"])
@pytest.mark.parametrize("then", ["close", "reset", "hang"])
def test_a_connection_that_ends_or_hangs_has_no_answer(at: int, then: Any) -> None:
    with Server(WHOLE.cut(at, then)) as server:
        error = failure(server, 0.3 if then == "hang" else SECONDS)
    assert isinstance(error, ServiceResponseError)
    if then == "hang":
        assert "timed out" in str(error)


@pytest.mark.parametrize(
    "answer",
    [
        Says(b"SSH-2.0-OpenSSH_9.6\r\n", "close"),
        says(200, b"nonsense", Content_Encoding="gzip"),
        Says(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 200 + b"\r\n"),
        Says(says(200, Content_Length="", Transfer_Encoding="chunked").sent + b"zz\r\n", "close"),
    ],
    ids=["no HTTP", "no gzip", "too many headers", "no chunks"],
)
def test_what_cannot_be_read_is_no_answer(answer: Says) -> None:
    with Server(answer) as server, Lean(server.url) as lean, pytest.raises(ServiceResponseError):
        ask(lean, server.url)


def test_success_without_a_date_was_cut_but_a_refusal_may_be_by_something_on_the_way() -> None:
    answers = (says(201, b"x", Date=""), says(503, b"x", Date=""))
    with Server(*answers) as server, Lean(server.url) as lean:
        with pytest.raises(ServiceResponseError, match="head was cut"):
            ask(lean, server.url)
        assert ask(lean, server.url).status_code == 503


@pytest.mark.parametrize(
    ("name", "told", "obeyed"),
    [
        ("Retry-After", "600", "5.0"),
        ("Retry-After", "3", "3.0"),
        ("x-ms-retry-after-ms", "600000", "5000.0"),
        ("retry-after-ms", "200", "200.0"),
        ("Retry-After", "Fri, 31 Dec 2100 23:59:59 GMT", "5.0"),
        ("Retry-After", "soon", "5.0"),
        ("Retry-After", "inf", "5.0"),
    ],
)
def test_no_answer_asks_for_a_long_pause(name: str, told: str, obeyed: str) -> None:
    headers: Any = {name: told}
    with Server(says(503, **headers)) as server, Lean(server.url) as lean:
        assert ask(lean, server.url).headers[name] == obeyed


def test_nobody_there_is_told_from_no_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as once:
        port = once.getsockname()[1]
    for url in (f"http://127.0.0.1:{port}", "http://nowhere.invalid"):
        with Lean(url) as lean, pytest.raises(ServiceRequestError):
            ask(lean, url)


def test_so_is_a_host_that_does_not_take_the_connection() -> None:
    """Its queue of those that it did not accept yet is full."""
    waiting = []
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        url = f"http://127.0.0.1:{full.getsockname()[1]}"
        try:
            for _ in range(8):
                waiting.append(socket.socket())
                waiting[-1].setblocking(False)
                waiting[-1].connect_ex(full.getsockname())
            request = HttpRequest("GET", url)
            with Lean(url) as lean, pytest.raises(ServiceRequestError, match="timed out"):
                lean.send(request, connection_timeout=0.2, read_timeout=SECONDS)
        finally:
            for one in waiting:
                one.close()


def test_a_connection_is_used_again() -> None:
    with Server(says(200), says(404, b"x" * 9999), chunked([b"x"]), says(200)) as server:
        with Lean(server.url) as lean:
            for _ in range(4):
                ask(lean, server.url)
            assert server.connections == 1
        assert server.all_ended()


def test_one_that_the_service_closed_meanwhile_is_not() -> None:
    with Server(Says(says(200).sent, "close"), says(200, b"new")) as server:
        with Lean(server.url) as lean:
            ask(lean, server.url)
            assert server.all_ended()
            assert ask(lean, server.url).content == b"new"
        assert server.connections == 2 and server.all_ended()


def test_many_threads_use_it_at_once_and_leave_nothing_open() -> None:
    bodies = [b"%d" % number for number in range(300)]
    with Server(*(says(200, body) for body in bodies)) as server:
        with Lean(server.url) as lean, ThreadPoolExecutor(100) as threads:
            found = list(threads.map(lambda _: ask(lean, server.url).content, bodies))
        assert sorted(found) == sorted(bodies)
        assert server.connections <= 100
        assert server.all_ended()


def test_what_is_not_closed_is_closed_when_it_is_forgotten() -> None:
    with Server(says(200)) as server:
        lean = Lean(server.url)
        ask(lean, server.url)
        del lean
        gc.collect()
        assert server.all_ended()


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_is_asked_for_what_lies_behind_it(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with Server(says(200, b"far")) as proxy:
        monkeypatch.setenv(name, proxy.url.replace("//", "//me:p%40ss@"))
        with Lean("http://acct.example") as lean:
            assert ask(lean, "http://acct.example/a?b=c").content == b"far"
        (asked,) = proxy.asked
    assert asked.start[1] == "http://acct.example/a?b=c"
    assert asked.headers["host"] == "acct.example"
    assert asked.headers["proxy-authorization"] == "Basic bWU6cEBzcw=="


def test_a_proxy_that_needs_no_scheme_or_password(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(says(200, b"far")) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url.removeprefix("http://"))
        with Lean("http://acct.example") as lean:
            assert ask(lean, "http://acct.example").content == b"far"
        assert "proxy-authorization" not in proxy.asked[0].headers


def test_a_proxy_that_refuses_or_is_away_is_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(says(407)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", "//me:secret@"))
        lean = Lean("https://acct.example")
        with pytest.raises(ServiceRequestError, match="407"):
            ask(lean, "https://acct.example")
        assert proxy.asked[0].start[:2] == ["CONNECT", "acct.example:443"]
        assert proxy.asked[0].headers["proxy-authorization"] == "Basic bWU6c2VjcmV0"
        assert proxy.all_ended()
    with lean, pytest.raises(ServiceRequestError):
        ask(lean, "https://acct.example")


@pytest.mark.parametrize("proxy", ["http://me:secret@[bad", "ftp://h:1", "http://me:secret@h:x"])
def test_a_proxy_that_cannot_be_one_is_told_without_its_password(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(Misconfigured, match=r"HTTPS_PROXY.*use http://HOST:PORT") as caught:
        Lean("https://acct.example")
    assert "secret" not in str(caught.value)
    monkeypatch.setenv("NO_PROXY", "acct.example")
    Lean("https://acct.example").close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that only who is told trusts, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tests")])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file = tmp_path_factory.mktemp("tls") / "own.pem"
    file.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return file


def test_only_certificates_that_are_trusted_are_taken(
    monkeypatch: pytest.MonkeyPatch, certificate: Path
) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    with Server(says(200, b"safe"), tls=tls) as server:
        with Lean(server.url) as lean, pytest.raises(ServiceRequestError, match=r"self[- ]signed"):
            ask(lean, server.url)
        assert server.all_ended() and server.asked == []
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        with Lean(server.url) as lean:
            assert ask(lean, server.url).content == b"safe"
        assert server.all_ended()


def test_certificates_may_be_a_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path))
    kept = Lean("https://acct.example")._pool.connection_pool_kw
    assert kept["ca_cert_dir"] == str(tmp_path) and "ca_certs" not in kept
