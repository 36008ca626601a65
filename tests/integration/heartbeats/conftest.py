"""A service that is told of runs, over a real socket, and an app that may tell it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

import pytest

from local.azurite import Azurite
from local.ports import HOST
from tests.integration.engine.conftest import Engine, make, tap
from tests.serving import serving

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Told:
    """A request that came."""

    path: str
    rid: str
    text: str


@dataclass
class Checks:
    """The service: what it was told, and how it answers."""

    url: str = ""
    told: list[Told] = field(default_factory=list)
    status: int = 200
    location: str = ""

    def paths(self) -> list[str]:
        return [one.path for one in self.told]


@pytest.fixture
def checks() -> Iterator[Checks]:
    found = Checks()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"])).decode()
            parts = urlsplit(self.path)
            found.told.append(Told(parts.path, "".join(parse_qs(parts.query).get("rid", [])), text))
            self.send_response(found.status)
            if found.location:
                self.send_header("Location", found.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with serving(Handler) as url:
        found.url = url
        yield found


@pytest.fixture
def engine(azurite: Azurite, checks: Checks) -> Iterator[Engine]:
    environ = {"HEARTBEAT_HOSTS": HOST, "HEARTBEAT_URL": f"{checks.url}/belfry"}
    made = make(azurite, environ=environ)
    tap(made)
    yield made
    made.calls.hold.set()
