"""Belfry under the library that Azure's own Python worker runs: it indexes whole, keeps the rules
of the real host, and each kind of trigger reaches its function.

In a process of its own, since an app can be indexed only once in one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import functions
from local.azurite import Azurite
from tests.vendors.twilio import ACCOUNT, SENDER, TOKEN

REPO = Path(__file__).parents[2]

ENGINE = {
    "schedule_dispatcher": "timerTrigger",
    "job_worker": "queueTrigger",
    "long_job_worker": "queueTrigger",
    "dead_letters": "queueTrigger",
    "long_dead_letters": "queueTrigger",
    "clock_message": "queueTrigger",
    "shard_worker": "queueTrigger",
    "api": "httpTrigger",
    "calendar_feed": "httpTrigger",
    "health_summary": "httpTrigger",
    "metrics": "httpTrigger",
    "tick": "httpTrigger",
    "site": "httpTrigger",
    "hooks": "httpTrigger",
    "approve": "httpTrigger",
    "events": "httpTrigger",
}
"""The functions that are no task's."""

SCRIPT = """
import asyncio, json, os, pathlib
from datetime import UTC, datetime
from local.host import protos, rules, settings
from local.host.protos import RpcHttp, TypedData
from local.host.worker import Worker
from shared.schedules.job import job_id
from tests.vendors.twilio import called

CALLED = called(
    "https://belfry.example.com/hooks/twilio/status?id=8204769999999-" + "0" * 32,
    {"MessageSid": "SM1", "MessageStatus": "delivered"},
)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
TIMER = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": None, "IsPastDue": False}
MESSAGE = {"jobs": [job_id("nosuch", LONG_AGO)], "sent_at": LONG_AGO.isoformat()}
STALE = {"at": LONG_AGO.isoformat(), "token": "nosuch", "after": "none"}
CALLS = {
    "health_monitor": TypedData(json=json.dumps(TIMER)),
    "clock_message": TypedData(string=json.dumps(STALE)),
    "shard_worker": TypedData(string=json.dumps({"shard": "s000", "sent_at": "x"})),
    "tick": TypedData(http=RpcHttp(method="POST", url="http://localhost/tick")),
    "schedule_dispatcher": TypedData(json=json.dumps(TIMER)),
    "job_worker": TypedData(string=json.dumps(MESSAGE)),
    "long_job_worker": TypedData(string=json.dumps(MESSAGE)),
    "api": TypedData(http=RpcHttp(
        method="GET", url="http://localhost/api/openapi.json", params={"path": "openapi.json"})),
    "site": TypedData(http=RpcHttp(method="GET", url="http://localhost/status")),
    "hooks": TypedData(http=RpcHttp(
        method="POST", url=CALLED.url.replace("https://belfry.example.com", "http://localhost"),
        headers=CALLED.headers, params={"path": "twilio/status"},
        body=TypedData(bytes=CALLED.body))),
}


async def main():
    folder = pathlib.Path.cwd()
    options = settings.read_host_json(folder, os.environ)
    worker = Worker(None)
    functions = await worker.load(folder)
    wrong = rules.problems(functions, os.environ, options.route_prefix)
    from functions import _process
    _process.prepare()
    outcomes = {}
    for one in functions:
        if one.name in CALLS:
            outcome = await worker.invoke(one, CALLS[one.name])
            http = outcome.value and outcome.value.http
            outcomes[one.name] = {
                "succeeded": outcome.succeeded,
                "status": http and http.status_code,
                "body": http and http.body.bytes.decode(),
            }
    found = {one.name: one.kind for one in functions}
    keys = {one.name: one.trigger.get("authLevel") for one in functions}
    return {"functions": found, "keys": keys, "wrong": wrong, "outcomes": outcomes}


result = asyncio.run(main())
print("RESULT" + json.dumps(result), flush=True)
os._exit(0)
"""


@pytest.fixture(scope="module")
def indexed(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What Microsoft's library made of Belfry."""
    environ = os.environ | {
        "AzureWebJobsStorage": azurite.connection_string,
        "BELFRY_LOCAL_SETTINGS": str(tmp_path_factory.mktemp("none") / "local.settings.json"),
        "BELFRY_PREFIX": "runtime",
        "DATABASE_PATH": str(tmp_path_factory.mktemp("data") / "company.db"),
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        "TWILIO_AUTH_TOKEN": TOKEN,
        "TWILIO_FROM": SENDER,
        "PUBLIC_BASE_URL": "https://belfry.example.com",
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=REPO,
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    _, found, result = done.stdout.partition("RESULT")
    assert found, done.stdout + done.stderr
    return json.loads(result) | {"log": done.stdout + done.stderr}


def test_every_function_is_indexed_and_each_task_with_a_time_has_a_timer(indexed: Any) -> None:
    timed = [task.name for task in functions.tasks() if task.recurrence is not None]
    assert indexed["functions"] == ENGINE | dict.fromkeys(timed, "timerTrigger")


def test_the_real_host_would_drop_none(indexed: Any) -> None:
    assert indexed["wrong"] == []


@pytest.mark.parametrize(
    "name",
    [
        "schedule_dispatcher",
        "health_monitor",
        "job_worker",
        "long_job_worker",
        "clock_message",
        "shard_worker",
        "tick",
        "api",
        "site",
        "hooks",
    ],
)
def test_each_kind_of_trigger_reaches_its_function(indexed: Any, name: str) -> None:
    assert indexed["outcomes"][name]["succeeded"], indexed["log"]


def test_http_answers_come_through(indexed: Any) -> None:
    api, site = indexed["outcomes"]["api"], indexed["outcomes"]["site"]
    assert (api["status"], site["status"]) == ("200", "200")
    assert "/api/v1/schedules" in json.loads(api["body"])["paths"]
    assert "jobs" in json.loads(site["body"])


def test_a_signature_comes_through(indexed: Any) -> None:
    """Of a notification that is not known: its provider need not say it again."""
    assert indexed["outcomes"]["hooks"]["status"] == "204", indexed["log"]


def test_the_clock_for_a_pinger_asks_for_a_key_and_says_what_it_did(indexed: Any) -> None:
    asked = {name: level.upper() for name, level in indexed["keys"].items() if level}
    open_to_all = dict.fromkeys(
        ("site", "hooks", "calendar_feed", "approve", "events", "health_summary"), "ANONYMOUS"
    )
    assert asked == dict.fromkeys(("tick", "api", "metrics"), "FUNCTION") | open_to_all
    answer = indexed["outcomes"]["tick"]
    assert answer["status"] == "200"
    did = json.loads(answer["body"])
    assert {"dispatched", "recorded", "lost", "failed"} <= did.keys()
