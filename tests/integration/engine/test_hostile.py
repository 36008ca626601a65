"""Whatever a task raises, returns or logs, its job ends and can be read, and so can all others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from local.azurite import Azurite
from shared.api.jobs.routes import JobOut
from shared.schedules.job import Job, Status
from shared.settings import Prices
from shared.tasks import JobContext, Params, Result, task
from tests.integration.engine.conftest import Engine, make, tap

Act = Callable[[JobContext], Result]
HALF = "half \ud800 of a pair"
FACE = "😀"


class Mute(Exception):
    """It cannot even say what it is."""

    def __str__(self) -> str:
        raise SystemExit


class Hostile:
    """An engine with a task that does what the test says."""

    def __init__(self, azurite: Azurite) -> None:
        self._acts: list[Act] = []

        @task("hostile", timeout_seconds=60)
        def hostile(job: JobContext, params: Params) -> Result:
            """Does what the test says."""
            return self._acts.pop(0)(job)

        self.engine: Engine = make(azurite, tasks=[hostile])
        tap(self.engine)

    def run(self, act: Act) -> Job:
        """The job of a task that acts like that, as it is read afterwards."""
        self._acts.append(act)
        made = self.engine.add("hostile", enabled=False, max_attempts=1)
        self.engine.app.manager.run_now(made.id, force=True)
        (ended,) = self.engine.work()
        (job,) = self.engine.app.table.jobs(made.id)
        assert job.id == ended.id
        JobOut.whole(job, Prices()).model_dump_json().encode()
        schedule = self.engine.app.manager.get(made.id)
        assert schedule.progress.live == ()
        assert schedule.progress.last_error == job.error
        return job

    def fail(self, error: BaseException) -> str:
        """What is kept of that failure."""

        def act(job: JobContext) -> Result:
            raise error

        job = self.run(act)
        assert job.status is Status.FAILED and job.error is not None
        return job.error


@pytest.fixture
def hostile(azurite: Azurite) -> Hostile:
    return Hostile(azurite)


def test_a_huge_failure_is_cut_at_once(hostile: Hostile) -> None:
    for text in ("e" * 2_000_000, "://u:" * 400_000, FACE * 500_000):
        error = hostile.fail(ValueError(text))
        assert error.startswith("ValueError: ")
        assert len(error.encode("utf-16-le")) <= 8_000


def test_a_failure_that_cannot_be_encoded_is_kept(hostile: Hostile) -> None:
    assert hostile.fail(ValueError(HALF)) == "ValueError: half \ufffd of a pair"
    assert hostile.fail(ValueError("a\0b")) == "ValueError: a\ufffdb"
    file = b"caf\xe9".decode(errors="surrogateescape")
    assert hostile.fail(FileNotFoundError(2, "none", file)).startswith("FileNotFoundError: ")


def test_a_failure_that_cannot_say_what_it_is_is_kept(hostile: Hostile) -> None:
    assert hostile.fail(Mute()) == "Mute: its message cannot be made: SystemExit"


@pytest.mark.parametrize(
    ("result", "kept"),
    [
        ({"a": HALF}, {"a": "half \ufffd of a pair"}),
        ({HALF: [{"b": (HALF,)}]}, {"half \ufffd of a pair": [{"b": ["half \ufffd of a pair"]}]}),
        ({"a": "\ud83d\ude00"}, {"a": FACE}),
        ({"a": "\0"}, {"a": "\0"}),
        ({"a": FACE * 2_000}, {"a": FACE * 2_000}),
    ],
)
def test_a_result_is_kept_as_json_can_hold_it(
    hostile: Hostile, result: dict[str, Any], kept: dict[str, Any]
) -> None:
    job = hostile.run(lambda _: result)
    assert job.status is Status.SUCCEEDED and job.result == kept


def nested(levels: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in range(levels - 1):
        found = {"a": found}
    return found


@pytest.mark.parametrize(
    "result",
    [
        {"a": FACE * 2_600},  # 31,200 characters of JSON
        nested(101),
        nested(100_000),
        {("a", "b"): 1},
    ],
    ids=["too long", "too deep", "much too deep", "no key of JSON"],
)
def test_a_result_that_cannot_be_kept_ends_its_job(hostile: Hostile, result: Any) -> None:
    job = hostile.run(lambda _: result)
    assert job.status is Status.FAILED and job.error is not None


def test_the_deepest_result_can_be_read(hostile: Hostile) -> None:
    assert hostile.run(lambda _: nested(100)).status is Status.SUCCEEDED


@pytest.mark.parametrize(
    "line",
    ["x" * 100, FACE * 50, FACE * 50_000, HALF, "://u:" * 1_000],
    ids=["long", "emoji", "huge", "half of a pair", "hard to read"],
)
def test_any_log_is_kept(hostile: Hostile, line: str) -> None:
    def act(job: JobContext) -> Result:
        for number in range(600):
            job.log(f"{number} {line}", again=line)
        return {}

    job = hostile.run(act)
    assert job.status is Status.SUCCEEDED
    lines = job.log.splitlines()
    assert " INFO 0 " in lines[0] and " INFO 599 " in lines[-1]
    assert any("lines left out" in line for line in lines)
    assert len(job.log.encode("utf-16-le")) <= 2**16
