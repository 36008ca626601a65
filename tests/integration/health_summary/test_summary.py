"""`GET /api/health/summary` on real storage and a real database."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from local.azurite import Azurite
from local.postgres import Postgres
from shared.access import Role
from shared.alerts.port import AlertKind
from shared.api import door
from shared.api.app import api
from shared.api.health_summary.app import summary as alone
from shared.app import App
from shared.errors import Unavailable
from shared.recurrence import Frequency, Recurrence
from tests.integration.access.asking import Asking, noted
from tests.integration.engine.conftest import START, Engine, make, tap
from tests.integration.health_summary.conftest import PATH, refreshed
from tests.integration.jobs.truth import pack, sweep

ONCE = Recurrence(frequency=Frequency.ONCE, start_time=START + timedelta(seconds=30))
SHORT = {"status", "uptime_seconds"}


@pytest.fixture
def engine(azurite: Azurite, postgres: Postgres) -> Iterator[Engine]:
    made = make(azurite, environ={"DATABASE_URL": postgres.url("postgres")})
    tap(made)
    yield made
    made.calls.hold.set()


def asked(engine: Engine, **more: Any) -> dict[str, Any]:
    """What a caller is told after the answer before is too old."""
    refreshed(engine)
    found: dict[str, Any] = Asking(engine.app).told("GET", PATH, **more)
    return found


def test_it_tells_all_that_is_known(engine: Engine) -> None:
    engine.app.clocks.tick("schedule_dispatcher")
    engine.add("works", recurrence=ONCE)
    engine.add("refused", recurrence=ONCE)
    engine.later(60)
    engine.app.clocks.tick("schedule_dispatcher")
    engine.work()
    engine.later(100)
    sweep(engine.app)
    engine.app.clocks.tick("schedule_dispatcher")
    engine.app.alerts().open(AlertKind.CLOCK_SILENT, "x", "y")
    found = asked(engine)
    assert found["database"]["connected"] is True
    assert found["database"]["kind"] == "postgresql"
    assert found["database"]["latency_ms"] == found["storage"]["latency_ms"] == 0, "by this clock"
    assert "no schema of Belfry" in found["database"]["problem"]
    assert found["storage"]["connected"] is True
    assert found["errors"]["last_hour"] == {"ended": 2, "failed": 1, "rate": 0.5}
    pack(engine.app)
    assert asked(engine)["errors"] == found["errors"], "and the same when they are in the index"
    assert (found["error_rate"], found["queues"]["dead_letters"]) == (0.5, 1)
    assert {"jobs", "long_jobs", "jobs_poison", "long_jobs_poison"} <= found["queues"].keys()
    assert None not in found["queues"].values()
    assert found["alerts"]["open"] >= 1
    assert "schedule_dispatcher" in {one["clock"] for one in found["clocks"]}
    assert found["backups"] == found["circuits"] == []
    assert found["approvals"] == {"count": 0, "oldest_at": None} and len(found["version"]) == 12
    assert found["status"] == "degraded" and found["uptime_seconds"] >= 60
    assert {"database", "alerts"} <= {one["part"] for one in found["reasons"]}


def test_uptime_is_the_services_and_a_gap_ends_it(
    engine: Engine, azurite: Azurite, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tick() -> None:
        engine.app.clocks.tick("schedule_dispatcher")

    for _ in range(4):
        tick()
        engine.later(240)
    began = asked(engine)["uptime_seconds"]
    assert began >= 4 * 240
    other = make(azurite, engine.app.settings.prefix, clock=engine.clock)  # a deployment
    assert asked(other)["uptime_seconds"] > began
    engine.later(3600)
    down = asked(engine)
    assert (down["uptime_seconds"], down["status"]) == (0, "unhealthy")
    assert [one["part"] for one in down["reasons"] if one["status"] == "unhealthy"] == ["clocks"]
    swaps = noted(monkeypatch, engine.app.meta, "swap")

    def writes() -> int:
        return sum(name == "clock.life" for name, *_ in swaps)

    tick()
    assert writes() == 1, "the tick that ends a gap notes it"
    engine.later(60)
    tick()
    assert writes() == 1, "and no other writes anything"
    found = asked(engine)
    assert 60 <= found["uptime_seconds"] < 120
    (gap,) = found["availability"]["gaps"]
    assert gap["seconds"] == 3600 + 240 + 3 * 16
    assert 0 < found["availability"]["last_24_hours"] < 0.5


def test_rows_that_cannot_be_read_break_nothing(engine: Engine) -> None:
    engine.app.clocks.tick("schedule_dispatcher")
    for name in ("clock.life", "clock.known", "clock:strange", "clock.resumed"):
        engine.app.meta.put(name, "{nonsense")
    assert asked(engine)["uptime_seconds"] is None
    engine.app.clocks.tick("schedule_dispatcher")
    assert asked(engine)["uptime_seconds"] >= 0


def test_who_says_nothing_gets_the_short_form(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking, by_itself = Asking(engine.app), Asking(engine.app, alone)
    assert "reasons" in asking.told("GET", PATH), "on one machine, as long as there is no key"
    asking.key()
    everything, some = asking.key(Role.VIEWER), asking.key(Role.ADMIN, 7)
    engine.later(6)
    for one in (asking, by_itself):
        assert one.told("GET", PATH).keys() == SHORT
        assert one.told("GET", PATH, some).keys() == SHORT, "the whole is of all projects"
        assert "reasons" in one.told("GET", PATH, everything)
        one.problem(401, "GET", PATH, "bfy_wrong_wrong")
        one.problem(422, "GET", PATH + "?x=1")
    assert by_itself.ask("GET", "/api/v1/schedules", everything).status_code == 404
    monkeypatch.setattr(engine.app.gate, "enter", _away)
    assert asking.told("GET", PATH, everything).keys() == SHORT, "the key cannot be checked"


def _away(_: object) -> Any:
    raise Unavailable("table storage", "503")


def test_deployed_nobody_is_an_admin_for_want_of_keys(engine: Engine) -> None:
    served = alone(lambda: engine.app)
    door = next(one for one in served.user_middleware if "proxied" in one.kwargs)
    door.kwargs["proxied"] = lambda: True
    asking = Asking(engine.app, lambda _: served)
    assert asking.told("GET", PATH).keys() == SHORT
    for name in ("x-ms-client-principal", "authorization"):
        assert asking.told("GET", PATH, headers={name: "e30="}).keys() == SHORT


def test_it_is_kept_and_has_an_etag(engine: Engine) -> None:
    asking = Asking(engine.app)
    first = asking.ask("GET", PATH)
    assert first.headers["cache-control"] == "private, max-age=5"
    again = asking.ask("GET", PATH, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["cache-control"] == "private, max-age=5"
    assert asking.ask("HEAD", PATH).headers["etag"] == first.headers["etag"]
    engine.later(6)
    other = asking.ask("GET", PATH, headers={"If-None-Match": first.headers["etag"]})
    assert other.status_code == 200


def test_a_stampede_looks_once(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "_CHECKS", 30.0)  # the tests' machine may be busy
    looks = noted(monkeypatch, engine.app.meta, "about_clocks")
    served = api(lambda: engine.app)

    async def all_at_once() -> list[httpx.Response]:
        transport = httpx.ASGITransport(served)
        async with httpx.AsyncClient(transport=transport, base_url="http://belfry") as client:
            return await asyncio.gather(*(client.get(PATH) for _ in range(200)))

    answers = asyncio.run(all_at_once())
    assert {one.status_code for one in answers} == {200}
    assert len({one.content for one in answers}) == len(looks) == 1


def test_there_is_an_answer_whatever_is_away(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine.app.meta, "about_clocks", lambda: _away(None))
    found = asked(engine)
    assert (found["status"], found["uptime_seconds"]) == ("unhealthy", None)
    assert found["storage"]["connected"] is False and found["database"]["connected"] is True

    def no_app() -> App:
        raise Unavailable("table storage", "503")

    assert Asking(engine.app, lambda _: alone(no_app)).told("GET", PATH) == {
        "status": "unhealthy",
        "uptime_seconds": None,
    }


def test_a_database_that_does_not_answer(azurite: Azurite, free_port: int) -> None:
    url = f"postgresql://u:hidden@127.0.0.1:{free_port}/d"
    engine = make(azurite, environ={"DATABASE_URL": url})
    engine.app.clocks.tick("schedule_dispatcher")
    found = asked(engine)
    assert found["database"]["connected"] is False and found["status"] == "unhealthy"
    (reason,) = [one for one in found["reasons"] if one["part"] == "database"]
    assert reason["since"] and "not connected" in reason["text"]
    assert "hidden" not in str(found) and found["queues"]["jobs"] is not None
