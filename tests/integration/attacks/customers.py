"""What customers may schedule, asked for by a stranger: others' targets, files and pages; places
inside the house, in each way in which a place can be written; the same order by another door."""

from __future__ import annotations

from typing import Any

from tests.integration.attacks.attack import Attack
from tests.integration.attacks.others import REPOSITORIES, SCHEDULES, TARGETS, WEBHOOKS

BATCHES, PAGES = "/api/v1/batches", "/api/v1/status-pages"


def _batch(name: str, says: str, **parameters: Any) -> Attack:
    body = {"name": "x", "task_type": "batch", "frequency": "daily", "task_parameters": parameters}
    return Attack(f"a batch: {name}", f"POST {SCHEDULES}", 422, says, body, by="operator")


def _check(name: str, says: str, **parameters: Any) -> Attack:
    body = {"name": "x", "task_type": "health_check", "frequency": "daily"}
    return Attack(
        f"a check: {name}", f"POST {SCHEDULES}", 422, says,
        body | {"task_parameters": parameters}, by="operator",
    )  # fmt: skip


def _target(name: str, kind: str, says: str = "", **fields: Any) -> Attack:
    body = {"name": "x", "kind": kind, **fields}
    return Attack(f"a target: {name}", f"POST {TARGETS}", 422, says, body, by="operator")


_INNER = (
    "http://127.0.0.1/", "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/",
    "http://2130706433/", "http://0x7f.1/", "http://0177.0.0.1/", "http://127.1/", "http://0/",
    "http://169.254.169.254/metadata/instance", "http://168.63.129.16/machine", "http://[fe80::1]/",
    "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/", "http://[fd00::1]/", "http://10.0.0.1/",
    "http://100.64.0.1/", "http://\u2460\u2461\u2466.0.0.1/", "http://example.com:22/",
    "http://example.com@127.0.0.1/", "http://127.0.0.1\\@example.com/", "file:///etc/passwd",
    "gopher://example.com/", "http://example.com/a b", "http://example.com/\r\nX: y",
)  # fmt: skip

PLACES = [
    *(_check(f"at {url!r}", "", url=url) for url in _INNER),
    *(
        Attack(f"a webhook at {url!r}", f"POST {WEBHOOKS}", 422, "", {"name": "x", "url": url},
               by="operator")
        for url in _INNER[:8]
    ),
    Attack(
        "a repository with a user", f"POST {REPOSITORIES}", 422, "without a user",
        {"name": "x", "url": "https://a:b@github.com/x/y"}, by="operator",
    ),
    _target("a table inside", "table", "url", url="http://127.0.0.1:10002/a/t?sig=x"),
    _target("a port inside", "tcp", "no public address", host="169.254.169.254", port=80),
    _target("a name inside", "tls", "no public name", host="vault.internal"),
    _target("a mail server", "tcp", "port 25", host="example.com", port=25),
    _target("a database inside", "sql", "no public address", url="postgresql://u:p@10.0.0.1/d"),
    _target("a record inside", "dns", "public internet", host="vault.internal"),
]  # fmt: skip

DOORS = [
    _batch("their file", "there is no file", operation="disable", file="<their file_id>"),
    _batch("of batches", "does not call batches", task_type="batch", items=["a"]),
    _batch("of a task that is not there", "there is no task", task_type="nosuch", items=["a"]),
    _batch("their target", "project 2 has no target", task_type="health_check",
           task_parameters={"target_id": "<their target_id>"}, items=["a"]),
    _batch("their target as an item", "project 2 has no target", task_type="health_check",
           task_parameters={"target_id": {"item": "id"}}, items=["<their target_id>"]),
    _batch("another project", "project_id", operation="change", change={"project_id": 1},
           items=["<own schedule>"]),
    _batch("another project as an item", "project_id", operation="change",
           change={"project_id": {"item": "n"}}, items=[{"id": "<own schedule>", "n": 1}]),
    _batch("another task", "task_type", operation="change", change={"task_type": "fails"},
           items=["<own schedule>"]),
    _batch("a path that costs", "json_path", task_type="health_check", items=["a"],
           task_parameters={"url": "https://example.com", "json_path": f"${'[::]' * 40}"}),
    _check("their target", "project 2 has no target", target_id="<their target_id>"),
    _check("a path that costs", "json_path", url="https://example.com",
           json_path=f"$..[?!(@.a{'&&@.a' * 28})]"),
    Attack(
        "a page of their schedule", f"POST {PAGES}", 422, "",
        {"title": "x", "checks": [{"schedule_id": "<their schedule_id>", "name": "x"}]},
        by="operator",
    ),
    Attack(
        "their page", f"PATCH {PAGES}/<their slug>", 404, "no status page", {"title": "x"},
        by="operator",
    ),
    Attack(
        "a part of their file", f"PUT {BATCHES}/files/<their file_id>/parts/1", 404, "no file",
        {"content": "aQ=="}, by="operator",
    ),
]  # fmt: skip

CUSTOMERS = [*PLACES, *DOORS]
