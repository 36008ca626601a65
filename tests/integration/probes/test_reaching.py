"""Looks at real servers: HTTP, TCP, TLS, DNS and PostgreSQL; kind, dead and hostile ones."""

from __future__ import annotations

import contextlib
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import psycopg
import pytest

from local.azurite import Azurite
from local.ports import HOST, free
from local.postgres import Postgres
from shared.errors import Cancelled, Refused
from shared.outgoing import Blocked
from shared.probes import databases
from shared.probes.expectations import BODY
from shared.probes.model import Standing
from shared.probes.params import HealthCheck
from shared.probes.reaching import Place
from tests import certificate
from tests.integration.engine.conftest import make
from tests.integration.probes.conftest import Desk, desk_of
from tests.serving import serving

UP, DOWN = Standing.UP, Standing.DOWN


class Pages(BaseHTTPRequestHandler):
    """A server of customers."""

    seen: list[str] = []  # noqa: RUF012

    def do_GET(self) -> None:
        self.seen.append(self.headers.get("Authorization", ""))
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/ok")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif self.path == "/inside":
            self.send_response(302)
            self.send_header("Location", "http://169.254.169.254/metadata")
            self.end_headers()
        elif self.path == "/endless":
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):
                while True:
                    self.wfile.write(b"x" * 65536)
        elif self.path == "/slow":
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):
                while not over.wait(0.1):
                    self.wfile.write(b"x")
        else:
            body = b'{"status": "ok", "queue": {"waiting": 3}}'
            self.send_response(500 if self.path == "/broken" else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *_: Any) -> None:
        """Nothing."""


over = threading.Event()


@pytest.fixture(scope="module")
def shop(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    trusted = certificate.make(tmp_path_factory.mktemp("tls"))
    _trusted[:] = [trusted]
    made = desk_of(make(azurite), trusted=trusted.file, resolve=lambda: _resolver[0])
    return made


@pytest.fixture(autouse=True)
def again() -> None:
    over.clear()


_resolver: list[Any] = []
_trusted: list[certificate.Certificate] = []


def test_http(shop: Desk) -> None:
    add = shop.targets.add
    with serving(Pages, before_end=over.set) as url:
        for path in ("ok", "broken", "moved", "inside", "endless", "slow"):
            add(path, kind="http", url=f"{url}/{path}")
        found = shop.look("ok", json_path="$.queue.waiting", json_value="3", contains="ok")
        assert found.status is UP and found.facts["http_status"] == 200
        assert found.milliseconds is not None and found.milliseconds > 0
        assert shop.look("ok", method="HEAD").status is UP
        assert "answered 500" in shop.look("broken").said
        assert shop.look("broken", statuses=["500-599"]).status is UP
        assert "answered 302" in shop.look("moved").said
        assert shop.look("moved", redirects=1).status is UP
        with pytest.raises(Blocked, match=r"169\.254\.169\.254"):
            shop.look("inside", redirects=2)
        assert shop.look("endless").status is UP, "its status says so, and the rest is not read"
        cut = shop.look("endless", contains="needle")
        assert cut.status is DOWN and str(BODY) in cut.said
        slow = shop.look("slow", timeout_seconds=1)
        assert slow.status is DOWN and slow.facts["why"] == "timeout"
        Pages.seen.clear()
        add("key", kind="http", url=f"{url}/moved", secrets={"authorization": "Bearer s3cret"})
        assert "302" in shop.look("key", redirects=5).said, "a key goes nowhere else"
        assert Pages.seen == ["Bearer s3cret"]
    gone = shop.look("ok", timeout_seconds=1)
    assert gone.status is DOWN and gone.facts["why"] == "connect" and "/ok" not in gone.said
    add("metadata", kind="http", url="http://169.254.169.254/metadata/instance")
    with pytest.raises(Blocked):
        shop.look("metadata")


class Greeting(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.sendall(b"SSH-2.0-")
        self.request.sendall(b"OpenSSH_9.6\r\n")
        self.request.recv(1)


class Silent(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while self.request.recv(1000):
            pass


@contextlib.contextmanager
def listening(handler: type[socketserver.BaseRequestHandler]) -> Iterator[int]:
    with socketserver.ThreadingTCPServer((HOST, 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_tcp(shop: Desk) -> None:
    add = shop.targets.add
    with listening(Greeting) as port, listening(Silent) as quiet:
        add("ssh", kind="tcp", host=HOST, port=port)
        add("quiet", kind="tcp", host=HOST, port=quiet)
        assert shop.look("ssh").status is UP
        assert shop.look("ssh", contains="OpenSSH").status is UP
        wrong = shop.look("ssh", contains="Dropbear", timeout_seconds=1)
        assert wrong.status is DOWN and "'SSH-2.0-OpenSSH" in wrong.said
        assert shop.look("quiet", contains="x", timeout_seconds=1).status is DOWN
    add("nobody", kind="tcp", host=HOST, port=free(1)[0])
    assert shop.look("nobody").facts["why"] == "connect"


def test_tls(shop: Desk, tmp_path: Path) -> None:
    add = shop.targets.add
    with (
        serving(Pages, certificate=_trusted[0]) as url,
        serving(Pages, certificate=certificate.make(tmp_path)) as other,
        listening(Silent) as quiet,
    ):
        for name, at in (("good", url), ("strange", other)):
            add(name, kind="tls", host="localhost", port=int(at.rpartition(":")[2]))
        add("quiet-tls", kind="tls", host=HOST, port=quiet)
        fine = shop.look("good", days_left=0)
        assert fine.status is UP and fine.facts["days_left"] == 0, "a day, but a moment"
        soon = shop.look("good", days_left=7)
        assert soon.status is DOWN and "good for 0 days, and not for 7" in soon.said
        strange = shop.look("strange", days_left=0)
        assert strange.status is DOWN and "not good: self-signed" in strange.said
        assert "days_left" in strange.facts
        late = shop.look("quiet-tls", timeout_seconds=1)
        assert late.status is DOWN and late.facts["why"] == "timeout"


class Zone(socketserver.BaseRequestHandler):
    """A name server."""

    RECORDS: dict[str, tuple[str, ...]] = {  # noqa: RUF012
        "www.example.org. A": ("93.184.215.14", "93.184.215.15"),
        "www.example.org. AAAA": ("2606:2800:21f:cb07:6820:80da:af6b:8b2c",),
        "example.org. MX": ("10 mx1.example.org.", "20 mx2.example.org."),
        "example.org. TXT": ('"v=spf1 " "-all"',),
        "example.org. NS": ("a.iana-servers.net.",),
        "alias.example.org. CNAME": ("www.example.org.",),
        "_sip._tcp.example.org. SRV": ("10 5 5060 sip.example.org.",),
        "inside.example.org. A": ("93.184.215.14", "10.0.0.5"),
        "many.example.org. A": tuple(f"93.184.{n // 250}.{n % 250 + 1}" for n in range(900)),
    }

    def handle(self) -> None:
        data, sock = self.request
        asked = dns.message.from_wire(data)
        (question,) = asked.question
        answer = dns.message.make_response(asked)
        answer.flags |= dns.flags.RA
        kind = dns.rdatatype.to_text(question.rdtype)
        if records := self.RECORDS.get(f"{question.name} {kind}"):
            answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *records))
        elif not any(one.startswith(f"{question.name} ") for one in self.RECORDS):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        sock.sendto(answer.to_wire(max_size=65535), self.client_address)


def test_dns(shop: Desk) -> None:
    with socketserver.ThreadingUDPServer((HOST, 0), Zone) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = [HOST], server.server_address[1]
        _resolver[:] = [resolver]

        def look(host: str, record: str, *values: str, **more: Any) -> Any:
            shop.targets.add("name", kind="dns", host=host, record=record)
            return shop.look("name", record_values=list(values), **more)

        assert look("www.example.org", "A", "93.184.215.15").facts["answers"] == 2
        assert look("www.example.org", "").status is UP, "A by default"
        assert look("www.example.org", "AAAA").status is UP
        assert look("example.org", "MX", "10 MX1.example.org").status is UP
        assert look("example.org", "TXT", "v=spf1 -all").status is UP
        assert look("example.org", "NS", "a.iana-servers.net.").status is UP
        assert look("alias.example.org", "CNAME", "www.example.org").status is UP
        assert look("_sip._tcp.example.org", "SRV", "10 5 5060 sip.example.org.").status is UP
        assert "not among the answers" in look("example.org", "TXT", "v=spf1 +all").said
        assert look("many.example.org", "A").facts["answers"] == 50, "no more are looked at"
        gone = look("none.example.org", "A")
        assert gone.status is DOWN and "no such name" in gone.said
        assert "no record TXT" in look("www.example.org", "TXT").said
        with pytest.raises(Blocked, match="not public") as said:
            look("inside.example.org", "A")
        assert "10.0.0.5" not in str(said.value)
        with pytest.raises(Blocked, match="public internet"):
            look("redis.internal", "A")
        server.shutdown()
    assert look("www.example.org", "A", timeout_seconds=1).facts["why"] == "timeout"


def test_sql(shop: Desk, postgres: Postgres) -> None:
    add, url = shop.targets.add, postgres.url("postgres")
    add("db", kind="sql", secrets={"url": url})
    found = shop.look("db")
    assert found.status is UP and found.milliseconds is not None
    assert shop.look("db", query="SELECT count(*) FROM pg_class", query_value="-1").said.endswith(
        "and not '-1'"
    )
    assert shop.look("db", query="VALUES (NULL)").status is UP
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("CREATE TABLE probed (n int)")
        writing = shop.look(
            "db", query="WITH a AS (INSERT INTO probed VALUES (1) RETURNING n) SELECT n FROM a"
        )
        assert writing.status is DOWN
        assert owner.execute("SELECT count(*) FROM probed").fetchone() == (0,)
        owner.execute("DROP TABLE probed")
    late = shop.look("db", query="SELECT pg_sleep(60)", timeout_seconds=1)
    assert late.status is DOWN and late.facts["why"] == "timeout"
    large = shop.look("db", query="SELECT repeat('x', 200000000)")
    assert large.status is DOWN, "memory is bounded"
    add("db", kind="sql", secrets={"url": url.replace(postgres.password, "wrong")})
    wrong = shop.look("db")
    assert wrong.status is DOWN and "password is wrong" in wrong.said
    assert "wrong@" not in wrong.said and HOST in wrong.said
    for bad in ("mysql://a@b/c", "postgresql:///x?host=/var/run", f"{url}?passfile=/etc/passwd"):
        add("db", kind="sql", secrets={"url": bad})
        with pytest.raises((Refused, Blocked)):
            shop.look("db")


def test_a_database_that_answers_a_byte_now_and_then_does_not_hold_the_worker(
    shop: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """libpq itself would wait for ever."""
    monkeypatch.setattr(databases, "_START", 0.5)
    with listening(Dribbling) as port, contextlib.ExitStack() as ends:
        ends.callback(over.set)
        shop.targets.add(
            "dribble", kind="sql", secrets={"url": f"postgresql://a:b@{HOST}:{port}/c"}
        )
        found = shop.look("dribble", timeout_seconds=1)
    assert found.status is DOWN and found.facts["why"] == "timeout"


class Dribbling(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.recv(100)
        with contextlib.suppress(OSError):
            self.request.sendall(b"N")
            self.request.recv(1000)
            self.request.sendall(b"R\x00\x00\x00\x08\x00\x00\x00\x00")
            while not over.wait(0.05):
                self.request.sendall(b"S\x00\x00\x00\x08a\x00b\x00")


def test_a_job_that_is_told_to_stop_looks_no_further(shop: Desk) -> None:
    stop = threading.Event()
    stop.set()
    shop.targets.add("stopped", kind="dns", host="www.example.org")
    place = Place(what=shop.targets.target("stopped", 7).what)
    with pytest.raises(Cancelled):
        shop.reaching.look(place, HealthCheck(target_id="stopped"), stop)
