"""host.json and local.settings.json: what is read, what wins, what is refused."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from local.host import settings
from local.host.settings import CannotStart, HostJson, QueueOptions

REPO = Path(__file__).parents[3]


def _read(folder: Path, document: Any, **environ: str) -> HostJson:
    (folder / "host.json").write_text(json.dumps(document))
    return settings.read_host_json(folder, environ)


def test_what_is_not_said_is_as_in_the_real_host(tmp_path: Path) -> None:
    assert _read(tmp_path, {"version": "2.0"}) == HostJson(
        route_prefix="api",
        function_timeout=timedelta(minutes=30),
        queues=QueueOptions(
            batch_size=16,
            new_batch_threshold=8,
            visibility_timeout=timedelta(0),
            max_dequeue_count=5,
            max_polling_interval=timedelta(minutes=1),
            base64=True,
        ),
    )


def test_our_own_host_json_is_read() -> None:
    ours = settings.read_host_json(REPO, {})
    assert ours.route_prefix == ""
    assert (ours.queues.batch_size, ours.queues.new_batch_threshold) == (32, 32)
    assert ours.queues.visibility_timeout == timedelta(seconds=5)
    assert not ours.queues.base64


def test_the_environment_wins_over_host_json(tmp_path: Path) -> None:
    document = {"version": "2.0", "extensions": {"queues": {"batchSize": 2}}}
    environ = {
        "AzureFunctionsJobHost__extensions__queues__batchSize": "6",
        "AzureFunctionsJobHost__functionTimeout": "-1",
    }
    found = _read(tmp_path, document, **environ)
    assert (found.queues.batch_size, found.queues.new_batch_threshold) == (6, 3)
    assert found.function_timeout is None


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ([], '"version": "2.0"'),
        ({"version": "1.0"}, '"version": "2.0"'),
        ({"version": "2.0", "extensions": {"queues": {"batchSize": 33}}}, "batchSize is 33"),
        ({"version": "2.0", "extensions": {"queues": {"batchSize": "x"}}}, "invalid literal"),
        ({"version": "2.0", "functionTimeout": "5 minutes"}, "'5 minutes' is not a time span"),
        (
            {"version": "2.0", "extensions": {"queues": {"maxPollingInterval": "00:00:00.01"}}},
            "at least 100 ms",
        ),
        ({"version": "2.0", "extensions": {"queues": {"messageEncoding": "x"}}}, "base64 or none"),
        ({"version": "2.0", "extensions": []}, "host.json"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, document: Any, told: str) -> None:
    with pytest.raises(CannotStart, match=told):
        _read(tmp_path, document)


def test_a_missing_or_broken_host_json_is_named(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match=r"host\.json cannot be read"):
        settings.read_host_json(tmp_path, {})
    (tmp_path / "host.json").write_text("{")
    with pytest.raises(CannotStart, match=r"host\.json cannot be read"):
        settings.read_host_json(tmp_path, {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("00:00:05", timedelta(seconds=5)),
        ("1.02:03:04", timedelta(days=1, hours=2, minutes=3, seconds=4)),
        ("00:00:00.250", timedelta(milliseconds=250)),
    ],
)
def test_time_spans(text: str, expected: timedelta) -> None:
    assert settings.span(text) == expected


def test_settings_in_percent_signs_are_resolved() -> None:
    assert settings.resolve("%A%-%B%-c", {"A": "x", "B": "y"}) == "x-y-c"
    assert settings.resolve("100%", {}) == "100%"
    with pytest.raises(KeyError, match="NOPE"):
        settings.resolve("%NOPE%", {})


def test_the_values_of_local_settings_are_texts(tmp_path: Path) -> None:
    file = tmp_path / "local.settings.json"
    assert settings.read_values(file) == {}
    file.write_text('{"Values": {"A": 1, "B": "b"}}')
    assert settings.read_values(file) == {"A": "1", "B": "b"}
    file.write_text("{")
    with pytest.raises(CannotStart, match="cannot be read"):
        settings.read_values(file)


def test_how_large_a_body_may_be_is_a_setting() -> None:
    name = "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT"
    assert settings.body_limit({}) == 104_857_600
    assert settings.body_limit({name: "2000000"}) == 2_000_000
    with pytest.raises(CannotStart, match=f"{name} is '2 MB'; use a number of bytes"):
        settings.body_limit({name: "2 MB"})
