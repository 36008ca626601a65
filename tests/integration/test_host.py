"""The host, on an app made for the purpose and a real Azurite: HTTP, timers, queues, the end."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.storage.blob import BlobClient
from azure.storage.queue import QueueClient

from local.azurite import Azurite
from tests.waiting import until

REPO = Path(__file__).parents[2]

APP = """
import json, os, pathlib, time
import azure.functions as func

app = func.FunctionApp()
NOTES = pathlib.Path(os.environ["NOTES"])


def note(**what):
    with NOTES.open("a") as file:
        file.write(json.dumps(what) + "\\n")


@app.route("echo/{name}", methods=["GET", "POST"])
def echo(req: func.HttpRequest) -> func.HttpResponse:
    seen = {
        "url": req.url, "name": req.route_params["name"], "query": dict(req.params),
        "kind": req.headers.get("x-kind"), "bytes": list(req.get_body()),
        "coding": req.headers.get("transfer-encoding"),
    }
    return func.HttpResponse(json.dumps(seen), mimetype="application/json", status_code=201)


@app.route("bytes")
async def raw(req: func.HttpRequest) -> func.HttpResponse:
    headers = {"x-answer": "42", "content-type": "application/octet-stream",
               "set-cookie": "a=b; Path=/; HttpOnly"}
    return func.HttpResponse(bytes(range(256)), headers=headers)


@app.route("long")
def long(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(b"", headers={"content-length": "256"})


@app.route("fail")
def fail(req: func.HttpRequest) -> func.HttpResponse:
    raise RuntimeError("on purpose")


@app.route("slow")
def slow(req: func.HttpRequest) -> func.HttpResponse:
    note(slow="begun")
    time.sleep(float(req.params["seconds"]))
    note(slow="ended")
    return func.HttpResponse("slept")


@app.route("{*path}")
def rest(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("rest:" + req.route_params.get("path", ""))


@app.timer_trigger(arg_name="timer", schedule="%EVERY%")
def clock(timer: func.TimerRequest) -> None:
    note(clock=timer.past_due, status=timer.schedule_status)


@app.timer_trigger(arg_name="timer", schedule="* * * * * *")
def fast(timer: func.TimerRequest) -> None:
    note(fast=timer.past_due)


@app.queue_trigger(arg_name="msg", queue_name="%QUEUE%", connection="AzureWebJobsStorage")
def work(msg: func.QueueMessage) -> None:
    body = msg.get_body().decode()
    note(work=body, count=msg.dequeue_count, at=time.time(), id=msg.id)
    if body.startswith("bad"):
        raise RuntimeError("bad message")
    while body.startswith("hold") and not (NOTES.parent / f"let {body}").exists():
        time.sleep(0.02)
"""

HOST_JSON = {
    "version": "2.0",
    "extensions": {
        "http": {"routePrefix": ""},
        "queues": {
            "batchSize": 4,
            "maxPollingInterval": "00:00:00.200",
            "visibilityTimeout": "00:00:01",
            "maxDequeueCount": 3,
            "messageEncoding": "none",
        },
    },
}
NEVER_SOON = "0 0 0 1 1 *"


@dataclass
class Served:
    """An app in a folder, and the host that serves it."""

    folder: Path
    environ: dict[str, str]
    process: subprocess.Popen[str] | None = None
    url: str = ""
    lines: list[str] = field(default_factory=list)

    def start(self, **settings: str) -> None:
        """Start the host and wait until it serves."""
        with (self.folder / "host.log").open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "local.host", str(self.folder), "--port", "0"],
                cwd=REPO,
                env=self.environ | settings,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
            )
        self.url = until(self._serving)

    def _serving(self) -> str:
        assert self.process
        text = self.log()
        assert self.process.poll() is None, text
        return text.partition("serving ")[2].split("\n")[0] if "\n" in text else ""

    def log(self) -> str:
        return (self.folder / "host.log").read_text()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send the signal and wait for the end; the exit code."""
        assert self.process
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        return self.process.wait(20)

    def let(self, message: str) -> None:
        """Let the function end that holds on to this message."""
        (self.folder / f"let {message}").touch()

    def notes(self, kind: str) -> list[dict[str, Any]]:
        """What the functions wrote down."""
        file = self.folder / "notes"
        lines = file.read_text().splitlines() if file.exists() else []
        return [note for line in lines if kind in (note := json.loads(line))]


@contextlib.contextmanager
def made(azurite: Azurite, folder: Path, own: str) -> Iterator[Served]:
    """The app in this folder, not yet started; `own` names its queue and its host."""
    (folder / "function_app.py").write_text(APP)
    (folder / "host.json").write_text(json.dumps(HOST_JSON))
    environ = os.environ | {
        "AzureWebJobsStorage": azurite.connection_string,
        "AzureFunctionsWebHost__hostid": own,
        "NOTES": str(folder / "notes"),
        "QUEUE": own,
        "EVERY": NEVER_SOON,
    }
    served = Served(folder, environ)
    yield served
    if served.process and served.process.poll() is None:
        served.stop(signal.SIGKILL)


@pytest.fixture
def app(azurite: Azurite, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Served]:
    """The app, not yet started; its queue and its host id are this test's own."""
    own = request.node.name.replace("_", "-")[5:60].rstrip("-")
    with made(azurite, tmp_path, own) as served:
        yield served


@pytest.fixture(scope="module")
def running(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An app that runs, with its queue, for all tests that leave it running."""
    with made(azurite, tmp_path_factory.mktemp("running"), "running") as served:
        with _queue(served) as queue:
            queue.create_queue()
        served.start()
        yield served


@pytest.fixture
def queue(app: Served) -> Iterator[QueueClient]:
    """The queue that the app listens to."""
    with _queue(app) as client:
        client.create_queue()
        yield client


def _queue(app: Served, suffix: str = "") -> QueueClient:
    connection, name = app.environ["AzureWebJobsStorage"], app.environ["QUEUE"]
    return QueueClient.from_connection_string(connection, name + suffix)


def _status(app: Served) -> BlobClient:
    """What the host remembers of the timer `clock`."""
    name = f"timers/{app.environ['AzureFunctionsWebHost__hostid']}/Host.Functions.clock/status"
    connection = app.environ["AzureWebJobsStorage"]
    return BlobClient.from_connection_string(connection, "azure-webjobs-hosts", name)


def _timer_blob(app: Served) -> Any:
    with _status(app) as blob:
        return json.loads(blob.download_blob().readall()) if blob.exists() else None


def _is_empty(queue: QueueClient) -> bool:
    return queue.get_queue_properties().approximate_message_count == 0


def test_requests_reach_the_function_whose_route_fits_best(running: Served) -> None:
    answer = httpx.post(
        f"{running.url}/echo/a%20b?x=1&x=2&empty=", content=b"\x00\xff", headers={"X-Kind": "cat"}
    )
    assert answer.status_code == 201
    assert answer.json() == {
        "url": f"{running.url}/echo/a%20b?x=1&x=2&empty=",
        "name": "a b",
        "query": {"x": "1,2"},
        "kind": "cat",
        "coding": None,
        "bytes": [0, 255],
    }
    assert httpx.get(f"{running.url}/any/thing/else").text == "rest:any/thing/else"
    assert httpx.get(running.url).text == "rest:"


def test_a_response_keeps_its_bytes_headers_and_cookies(running: Served) -> None:
    answer = httpx.get(f"{running.url}/bytes")
    assert answer.content == bytes(range(256))
    assert answer.headers["x-answer"] == "42"
    assert answer.headers["set-cookie"] == "a=b; HttpOnly; Path=/"
    head = httpx.head(f"{running.url}/bytes")
    assert (head.content, head.headers["content-length"]) == (b"", "256")
    assert httpx.head(f"{running.url}/long").headers["content-length"] == "256"
    assert httpx.get(f"{running.url}/long").headers["content-length"] == "0"


def test_a_body_that_is_too_large_is_refused_unread(app: Served) -> None:
    app.start(FUNCTIONS_REQUEST_BODY_SIZE_LIMIT="1000")
    url = f"{app.url}/echo/x"
    port = httpx.URL(url).port
    said = "POST /echo/x HTTP/1.1\r\nHost: x\r\nContent-Length: 120000000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port or 0), timeout=10) as client:
        client.sendall(said.encode())
        assert client.recv(100).startswith(b"HTTP/1.1 413 ")
    for large in (b"x" * 30_000_000, iter([b"x" * 600, b"x" * 600])):
        answer = httpx.post(url, content=large)
        assert (answer.status_code, answer.content) == (413, b"")
    assert len(httpx.post(url, content=b"x" * 1000).json()["bytes"]) == 1000


def test_what_the_real_host_refuses_is_refused(running: Served) -> None:
    failed = httpx.get(f"{running.url}/fail")
    assert (failed.status_code, failed.content) == (500, b"")
    assert "RuntimeError: on purpose" in running.log()
    # PUT is no method of echo, so the catch-all has it.
    assert httpx.put(f"{running.url}/echo/x").text == "rest:echo/x"
    chunked = httpx.post(f"{running.url}/echo/x", content=iter([b"lost"]))
    assert chunked.json()["bytes"] == []
    assert chunked.json()["coding"] == "chunked", "so that the app can tell"
    assert httpx.get(f"{running.url}/admin/nothing").status_code == 404
    assert httpx.post(f"{running.url}/admin/functions/nobody", json={}).status_code == 404


def test_functions_are_run_by_hand(running: Served) -> None:
    status = httpx.get(f"{running.url}/admin/host/status").json()
    assert status["state"] == "Running"
    names = {one["name"] for one in httpx.get(f"{running.url}/admin/functions").json()}
    assert names == {"echo", "raw", "long", "fail", "slow", "rest", "clock", "fast", "work"}

    until(lambda: _timer_blob(running))
    assert httpx.post(f"{running.url}/admin/functions/clock", json={}).status_code == 202
    (run,) = until(lambda: running.notes("clock"))
    assert run["clock"] is False
    assert run["status"] == _timer_blob(running)

    by_hand = httpx.post(f"{running.url}/admin/functions/WORK", json={"input": "by hand"})
    assert by_hand.status_code == 202
    until(lambda: "by hand" in [run["work"] for run in running.notes("work")])
    assert httpx.post(f"{running.url}/admin/functions/work", content=b"[").status_code == 400
    assert httpx.post(f"{running.url}/admin/functions/echo", json={}).status_code == 400


def test_a_timer_fires_on_time_and_remembers(app: Served) -> None:
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=4)
    app.start(EVERY=f"{soon:%S %M %H} * * *")
    first = until(lambda: _timer_blob(app))
    assert first["Last"].startswith("0001-01-01")
    assert datetime.fromisoformat(first["Next"]) == soon

    (run,) = until(lambda: app.notes("clock"))
    assert datetime.now(UTC) - soon < timedelta(seconds=1)
    assert (run["clock"], run["status"]) == (False, first)
    after = until(lambda: (now := _timer_blob(app)) != first and now)
    assert datetime.fromisoformat(after["Next"]) == soon + timedelta(days=1)
    assert timedelta(0) <= datetime.fromisoformat(after["Last"]) - soon < timedelta(seconds=1)


def test_after_a_restart_a_missed_timer_runs_once_and_says_so(app: Served) -> None:
    next_minute = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=40)
    every_minute = f"{next_minute.second} * * * * *"
    app.start(EVERY=every_minute)
    before = until(lambda: _timer_blob(app))
    app.stop(signal.SIGKILL)
    assert app.notes("clock") == []
    assert datetime.fromisoformat(before["Next"]) == next_minute
    before["Next"] = (next_minute - timedelta(minutes=1)).isoformat()  # it was down for as long
    with _status(app) as blob:
        blob.upload_blob(json.dumps(before), overwrite=True)
    app.start(EVERY=every_minute)
    (run,) = until(lambda: app.notes("clock"))
    assert (run["clock"], run["status"]) == (True, before)
    after = until(lambda: (now := _timer_blob(app)) != before and now)
    assert datetime.fromisoformat(after["Next"]) == next_minute
    app.stop()
    app.start(EVERY=every_minute)
    _let_a_second_pass(app)
    assert len(app.notes("clock")) == 1


def test_a_fast_timer_is_never_past_due(running: Served) -> None:
    until(lambda: len(running.notes("fast")) >= 3)
    assert not any(note["fast"] for note in running.notes("fast"))


def test_messages_are_taken_soon_and_deleted_when_done(running: Served) -> None:
    with _queue(running) as queue:
        queue.send_message("now")
        sent = time.time()
        run = until(lambda: _worked(running, "now"))[0]
        assert run["count"] == 1
        assert run["at"] - sent < 0.5
        until(lambda: _is_empty(queue))
        queue.send_message("later", visibility_timeout=1)
        sent = time.time()
        run = until(lambda: _worked(running, "later"))[0]
        assert 0.9 < run["at"] - sent < 2.6  # Azurite counts whole seconds


def _let_a_second_pass(app: Served) -> None:
    """What the host would do at once, it has done after it."""
    before = len(app.notes("fast"))
    until(lambda: len(app.notes("fast")) > before + 1)


def _worked(app: Served, message: str) -> list[dict[str, Any]]:
    """What the function wrote down of this message."""
    return [run for run in app.notes("work") if run["work"] == message]


def test_a_failing_message_comes_back_then_goes_to_the_poison_queue(running: Served) -> None:
    with _queue(running) as queue, _queue(running, "-poison") as poisoned:
        queue.send_message("bad one")

        def arrived() -> Any:
            with contextlib.suppress(Exception):
                return poisoned.peek_messages()

        (message,) = until(arrived)
        assert message.content == "bad one"
        runs = _worked(running, "bad one")
        assert [run["count"] for run in runs] == [1, 2, 3]
        assert len({run["id"] for run in runs}) == 1
        pauses = [later["at"] - sooner["at"] for sooner, later in itertools.pairwise(runs)]
        assert all(0.9 < pause < 3 for pause in pauses)
        assert _is_empty(queue)


def test_messages_run_side_by_side_up_to_the_batch_and_half(
    app: Served, queue: QueueClient
) -> None:
    for number in range(8):
        queue.send_message(f"hold {number}")
    app.start(PYTHON_THREADPOOL_THREAD_COUNT="16")
    until(lambda: len(app.notes("work")) >= 4)
    _let_a_second_pass(app)
    batch = app.notes("work")
    assert len(batch) == 4, "the next waits until only half of it runs"
    for run in batch[:2]:
        app.let(run["work"])
    until(lambda: len(app.notes("work")) == 8)
    until(lambda: httpx.get(f"{app.url}/admin/host/status").json()["running"] == 4 + 2)
    for run in app.notes("work"):
        app.let(run["work"])
    until(lambda: _is_empty(queue))
    assert sorted(run["work"][-1] for run in app.notes("work")) == list("01234567")


def test_told_to_stop_it_lets_running_functions_finish(app: Served, queue: QueueClient) -> None:
    app.start()
    queue.send_message("hold")
    until(lambda: app.notes("work"))
    assert app.process
    app.process.send_signal(signal.SIGINT)
    until(lambda: "waiting for " in app.log())
    with pytest.raises(subprocess.TimeoutExpired):
        app.process.wait(1)
    app.let("hold")
    assert app.process.wait(20) == 0
    assert _is_empty(queue)


def test_told_twice_it_stops_at_once(app: Served, queue: QueueClient) -> None:
    app.start()
    queue.send_message("hold")
    until(lambda: app.notes("work"))
    assert app.process
    app.process.send_signal(signal.SIGINT)
    until(lambda: "waiting for " in app.log())
    begun = time.monotonic()
    assert app.stop(signal.SIGINT) == 0
    assert time.monotonic() - begun < 20


def test_a_function_beyond_its_time_ends_the_host(app: Served) -> None:
    app.start(AzureFunctionsJobHost__functionTimeout="00:00:01")
    with contextlib.suppress(httpx.HTTPError):
        httpx.get(f"{app.url}/slow?seconds=30")
    assert app.process
    assert app.process.wait(10) == 1
    assert "slow ran longer than functionTimeout (0:00:01)" in app.log()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (('"timer", schedule="%EVERY%"', '"the_timer", schedule="%EVERY%"'), "'the_timer'"),
        (("import azure.functions", "import no_such_thing, azure.functions"), "no_such_thing"),
        (("%EVERY%", "%NOWHERE%"), "clock: the setting NOWHERE in %NOWHERE% is not set"),
    ],
)
def test_an_app_that_azure_would_drop_does_not_start(
    app: Served, change: tuple[str, str], told: str
) -> None:
    text = APP.replace(*change)
    if "the_timer" in text:
        text = text.replace("clock(timer:", "clock(the_timer:").replace("timer.", "the_timer.", 1)
    (app.folder / "function_app.py").write_text(text)
    with pytest.raises(AssertionError) as failed:
        app.start()
    assert told in str(failed.value)
    assert app.process
    assert app.process.wait(5) == 1
