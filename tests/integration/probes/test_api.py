"""Health checks over HTTP: from a schedule to its uptime; status pages, as everybody sees them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import httpx
import pytest

from functions.customers.health_check import health_check
from local.azurite import Azurite
from shared.api import site
from shared.errors import NotFound
from shared.probes.model import Measured, Result, Standing, Thresholds
from shared.probes.pages import SLUG
from tests.integration.engine.conftest import make, tap
from tests.integration.schedules.conftest import Counter
from tests.serving import serving

ROUND = "health_check"


@dataclass
class Desk(Counter):
    """Where people ask for health checks."""

    up: list[bool] = field(default_factory=lambda: [True])

    def checked(self, name: str = "Shop", project: int = 7, **wanted: Any) -> str:
        """The id of a schedule each minute that looks at that URL."""
        made = self.told(
            "POST",
            "/schedules",
            {
                "name": name,
                "task_type": ROUND,
                "frequency": "interval",
                "interval_seconds": 60,
                "project_id": project,
                "task_parameters": wanted,
            },
        )
        return str(made["id"])

    def minutes(self, count: int) -> list[str]:
        """How the runs of so many minutes ended."""
        ended = []
        for _ in range(count):
            self.engine.later(60)
            self.engine.tick()
            ended += [job.status.value for job in self.engine.work()]
        return ended

    def keep(
        self, schedule_id: str, status: Standing, project: int | None = 7, ago: int = 0
    ) -> None:
        """Count a result, without looking."""
        at = self.engine.clock.now() - timedelta(minutes=ago)
        result = Result(
            job_id=f"{schedule_id}-{at:%Y%m%dT%H%M%SZ}",
            at=at,
            measured=Measured(status=status, milliseconds=20, said="https://inner.example/secret"),
        )
        self.engine.app.health_checks().keep(project, schedule_id, result, Thresholds())

    def open(self, path: str, **headers: str) -> httpx.Response:
        """What anybody gets, without a key."""

        async def answered() -> httpx.Response:
            transport = httpx.ASGITransport(site.site(lambda: self.engine.app))
            async with httpx.AsyncClient(transport=transport, base_url="http://belfry") as client:
                return await client.get(path, headers=headers)

        return asyncio.run(answered())

    def page(self, *ids: str, **more: Any) -> dict[str, Any]:
        checks = [{"schedule_id": one, "name": f"Part {n}"} for n, one in enumerate(ids)]
        body = {"title": "Shop", "project_id": 7, "checks": checks} | more
        return self.told("POST", "/status-pages", body)


@pytest.fixture
def desk(azurite: Azurite) -> Iterator[Desk]:
    engine = make(azurite, tasks=[health_check], environ={"OUTGOING_RANGES": "127.0.0.0/8"})
    tap(engine)
    yield Desk(engine)
    engine.calls.hold.set()


def test_from_a_schedule_to_its_uptime(desk: Desk) -> None:
    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if desk.up[-1] else 503)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with serving(Pages) as url:
        one = desk.checked(url=f"{url}/up?key=s3cret", failures_before_down=2)
        before = desk.told("GET", f"/health-checks/{one}")
        assert (before["status"], before["last"], before["since"]) == ("unknown", None, None)
        assert before["spans"]["24h"]["uptime"] is None
        assert desk.minutes(3) == ["succeeded"] * 3
        desk.up.append(False)
        assert desk.minutes(2) == ["succeeded", "failed"], "it takes two"
    assert desk.minutes(1) == ["failed"], "nobody answers"
    found = desk.told("GET", f"/health-checks/{one}")
    assert found["status"] == "down" and found["last"]["facts"]["why"] == "connect"
    spans = found["spans"]
    assert list(spans) == ["24h", "7d", "30d", "90d"]
    assert spans["90d"] == spans["24h"] and spans["24h"]["uptime"] == 50
    assert (spans["24h"]["runs"], spans["24h"]["up"], spans["24h"]["down"]) == (6, 3, 3)
    assert 0 < spans["24h"]["p50_ms"] <= spans["24h"]["p95_ms"] <= spans["24h"]["p99_ms"]
    (listed,) = desk.told("GET", "/health-checks?project_id=7")["health_checks"]
    assert listed == {name: value for name, value in found.items() if name != "spans"}
    assert desk.told("GET", "/health-checks?project_id=8")["total"] == 0
    events = desk.told("GET", f"/health-checks/{one}/events")
    assert [(it["before"], it["after"]) for it in events["events"]] == [("up", "down")]
    assert "answered 503" in events["events"][0]["said"]
    results = desk.told("GET", f"/health-checks/{one}/results")["results"]
    assert [it["found"] for it in results] == ["up"] * 3 + ["down"] * 3
    assert len(desk.told("GET", f"/health-checks/{one}/results?limit=2")["results"]) == 2
    day = desk.told("GET", f"/health-checks/{one}/history")
    assert day["bucket"] == "day" and [it["runs"] for it in day["series"]] == [6]
    span = "from=2026-03-01T12:00:00Z&to=2026-03-01T13:00:00Z"
    hour = desk.told("GET", f"/health-checks/{one}/history?{span}")
    assert hour["bucket"] == "hour" and hour["series"][0]["begins"] == "2026-03-01T12:00:00Z"
    said = [job["error"] for job in desk.told("GET", f"/jobs?schedule_id={one}")["jobs"]]
    assert "s3cret" not in str([said, found, events, results]), "though a URL should have none"
    assert desk.told("GET", f"/schedules/{one}")["failure_count"] == 2


def test_what_a_schedule_wants_is_checked_when_it_is_made(desk: Desk) -> None:
    def refused(**wanted: Any) -> tuple[str, str]:
        body = {"name": "x", "task_type": ROUND, "frequency": "hourly", "project_id": 7}
        return desk.wrong("POST", "/schedules", body | {"task_parameters": wanted})

    assert refused(url="http://10.0.0.1/")[0] == "task_parameters.url"
    assert refused(url="https://a.example/", days_left=3)[0] == "task_parameters.days_left"
    assert refused(statuses=["200"])[0] == "task_parameters.statuses"
    assert refused(url="https://a.example/", json_path="$[?match(@.a,'x')]")[0] == (
        "task_parameters.json_path"
    )
    target = {"name": "Shop", "kind": "tls", "host": "shop.example.org"}
    desk.told("PUT", "/targets/41", target | {"project_id": 8})
    assert refused(target_id=41)[0] == "task_parameters.target_id", "it is another project's"
    desk.told("PUT", "/targets/42", target | {"project_id": 7})
    assert refused(target_id=42, statuses=["200"])[0] == "task_parameters.statuses"
    one = desk.checked(target_id=42, days_left=30)
    desk.told("PATCH", f"/schedules/{one}", {"enabled": False})
    assert desk.ask("DELETE", "/targets/42?force=true").is_success
    desk.told("PATCH", f"/schedules/{one}", {"enabled": True})
    other = desk.made(name="other")
    assert desk.ask("GET", f"/health-checks/{other['id']}").status_code == 404
    assert desk.wrong("GET", f"/health-checks/{desk.checked()}/history?bucket=run", None)


def test_a_status_page_shows_what_its_owners_chose_and_nothing_else(desk: Desk) -> None:
    hostile = '"><script>alert(1)</script>&'
    good, bad, silent = (desk.checked(f"inner {n}", url="https://inner.example/") for n in range(3))
    desk.keep(good, Standing.UP, ago=1)
    desk.keep(good, Standing.UP)
    desk.keep(bad, Standing.DOWN)
    made = desk.page(good, bad, silent, title=f"Shop {hostile}", description=hostile)
    assert re.fullmatch(SLUG, made["slug"]) and len(made["slug"]) == 25
    assert made["path"] == f"/status/{made['slug']}"
    page = desk.open(made["path"])
    assert page.status_code == 200 and page.headers["content-type"] == "text/html; charset=utf-8"
    assert "<script" not in page.text and "&lt;script&gt;" in page.text
    assert "Something is down" in page.text and "Part 2" in page.text
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert page.headers["cache-control"] == "public, max-age=30"
    as_json = desk.open(f"{made['path']}.json")
    said = as_json.json()
    assert as_json.headers["access-control-allow-origin"] == "*"
    assert [one["status"] for one in said["checks"]] == ["up", "down", "unknown"]
    assert said["status"] == "down" and len(said["checks"][0]["days"]) == 90
    assert said["checks"][0]["uptime"]["24h"] == 100 and said["checks"][0]["median_ms"]
    badge = desk.open(f"{made['path']}/badge.svg")
    assert badge.headers["content-type"] == "image/svg+xml" and "<script" not in badge.text
    assert ">down<" in badge.text
    assert ">up<" in desk.open(f"{made['path']}/1/badge.svg").text
    assert "no result" in desk.open(f"{made['path']}/3/badge.svg").text
    for answer in (page, as_json, badge):
        for inner in ("inner", good, bad, "secret", "project"):
            assert inner not in answer.text
        tag = answer.headers["etag"]
        same = desk.open(str(answer.request.url.path), **{"If-None-Match": f'"x", W/{tag}'})
        assert (same.status_code, same.content) == (304, b"")


def test_what_is_not_there_is_not_found_and_status_stays_what_it_is(desk: Desk) -> None:
    one = desk.checked()
    path = desk.page(one, slug="shop")["path"]
    assert path == "/status/shop" and desk.open(path).status_code == 200
    for wrong in ("none", "SHOP", "a", "shop%2f", "-shop", "x" * 61, "shop%00", "..%2fstatus"):
        for more in ("", ".json", "/badge.svg"):
            assert desk.open(f"/status/{wrong}{more}").status_code == 404
    for wrong in ("0", "2", "-1", "x", "1.0", "9" * 30, "²"):
        assert desk.open(f"{path}/{wrong}/badge.svg").status_code == 404
    assert desk.open("/status").json()["jobs"]
    assert desk.open(f"{path}/badge.png").status_code == 404


def test_a_page_is_read_once_for_many_readers_and_follows_after_some_seconds(desk: Desk) -> None:
    one = desk.checked()
    desk.keep(one, Standing.UP)
    path, pages = desk.page(one, slug="shop")["path"], desk.engine.app.status_pages()
    assert ">up<" in desk.open(f"{path}/badge.svg").text
    reads = []
    real = pages._read
    pages._read = lambda page: reads.append(page) or real(page)  # type: ignore[method-assign, func-returns-value]
    desk.keep(one, Standing.DOWN, ago=-1)
    for _ in range(50):
        assert ">up<" in desk.open(f"{path}/badge.svg").text
    assert reads == []
    desk.engine.later(21)
    assert ">down<" in desk.open(f"{path}/badge.svg").text and len(reads) == 1
    desk.engine.later(3600)
    assert "no result" in desk.open(f"{path}/badge.svg").text, "an old result says nothing of now"
    assert desk.ask("DELETE", "/status-pages/shop").status_code == 204
    assert desk.open(path).status_code == 404
    with pytest.raises(NotFound):
        pages.published("shop")


def test_a_page_shows_health_checks_of_its_project_alone(desk: Desk) -> None:
    ours, theirs = desk.checked(), desk.checked(project=8)
    other = desk.made(name="other", project_id=7)["id"]
    for wrong in (theirs, other, "nothing"):
        checks = [{"schedule_id": ours, "name": "a"}, {"schedule_id": wrong, "name": "b"}]
        body = {"title": "Shop", "project_id": 7, "checks": checks}
        assert desk.wrong("POST", "/status-pages", body)[0] == "checks.1.schedule_id"
    made = desk.page(ours, slug="shop")
    change = {"checks": [{"schedule_id": theirs, "name": "b"}]}
    assert desk.wrong("PATCH", "/status-pages/shop", change)[0] == "checks.0.schedule_id"
    # what a schedule does for another project has no part in the page
    desk.keep(ours, Standing.UP)
    desk.keep(ours, Standing.DOWN, project=8, ago=-1)
    assert desk.open(f"{made['path']}.json").json()["checks"][0]["status"] == "up"


def test_pages_are_made_changed_and_deleted(desk: Desk) -> None:
    one = desk.checked()
    made = desk.page(one, slug="shop")
    taken = desk.ask("POST", "/status-pages", {"title": "x", "project_id": 8, "slug": "shop"})
    assert taken.status_code == 409
    read = desk.ask("GET", "/status-pages/shop")
    assert read.json() == made and read.headers["etag"].startswith('"1-')
    changed = desk.told("PATCH", "/status-pages/shop", {"title": "Another", "checks": []})
    assert changed["title"] == "Another" and changed["checks"] == []
    assert "Nothing is shown here yet" in desk.open("/status/shop").text
    stale = desk.ask("PATCH", "/status-pages/shop", {"title": "x"}, If_Match=read.headers["etag"])
    assert stale.status_code == 412
    twice = [{"schedule_id": one, "name": "a"}] * 2
    assert desk.ask("PATCH", "/status-pages/shop", {"checks": twice}).status_code == 422
    key = {"Idempotency_Key": '"one"'}
    body = {"title": "Twice", "project_id": 7}
    first, second = (desk.ask("POST", "/status-pages", body, **key).json() for _ in range(2))
    assert first == second and desk.told("GET", "/status-pages")["total"] == 2
