"""A real Prometheus that scrapes a real app, as docs/metrics.md sets it up."""

from __future__ import annotations

import json
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx

from local.ports import HOST, free
from local.prometheus import Programs
from shared.access import Role
from tests.integration.access.asking import Asking
from tests.integration.engine.conftest import Engine
from tests.serving import serving

_SCRAPES = 3
RULES = Path(__file__).parents[3] / "infra" / "monitoring" / "rules.yml"


@contextmanager
def scraping(
    programs: Programs, engine: Engine, happens: Callable[[], None], folder: Path
) -> Iterator[Server]:
    """A Prometheus with our rules. It scraped the app's answers of some moments, between which
    something happened; they were asked for before, since what happens takes longer than a scrape
    waits here."""
    client = Asking(engine.app)
    client.key(Role.ADMIN)
    key = client.key(Role.VIEWER)
    (folder / "belfry.key").write_text(key)
    answers = deque[httpx.Response]()
    for _ in range(_SCRAPES):
        happens()
        answers.append(client.ask("GET", "/metrics", key))
    done = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if (self.path, self.headers["Authorization"]) != ("/metrics", f"Bearer {key}"):
                self.send_error(401)
                return
            if len(answers) == 1:
                done.set()  # Prometheus asks again when it has stored the answer before
            found = answers.popleft() if len(answers) > 1 else answers[0]
            self.send_response(found.status_code)
            self.send_header("Content-Type", found.headers["content-type"])
            self.send_header("Content-Length", str(len(found.content)))
            self.end_headers()
            self.wfile.write(found.content)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    with serving(Handler) as url:
        (port,) = free(1)
        config = _config(url.removeprefix("http://"))
        (folder / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [
                    programs.prometheus,
                    f"--config.file={folder / 'prometheus.yml'}",
                    f"--storage.tsdb.path={folder / 'data'}",
                    f"--web.listen-address={HOST}:{port}",
                ],
                stdout=log,
                stderr=log,
            )
        try:
            assert done.wait(60), (folder / "log").read_text()
            yield Server(f"http://{HOST}:{port}")
        finally:
            process.terminate()
            process.wait(30)


def _config(target: str) -> dict[str, Any]:
    scrape = {
        "job_name": "belfry",
        "scrape_interval": "300ms",
        "scrape_timeout": "300ms",
        "metrics_path": "/metrics",
        "authorization": {"credentials_file": "belfry.key"},
        "static_configs": [{"targets": [target]}],
    }
    return {
        "global": {"evaluation_interval": "1s"},
        "rule_files": [str(RULES)],
        "scrape_configs": [scrape],
    }


@dataclass(frozen=True)
class Server:
    """Prometheus' HTTP API."""

    url: str

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series of an expression, now. Fails if it cannot be evaluated."""
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": expression}).json()
        assert answer["status"] == "success", f"{expression}: {answer}"
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def rules(self) -> dict[str, dict[str, Any]]:
        """The rules that it evaluates, by name."""
        groups = httpx.get(f"{self.url}/api/v1/rules").json()["data"]["groups"]
        return {rule["name"]: rule for group in groups for rule in group["rules"]}
