"""Cursors that are forged, of another list, of another caller, or cut."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping

from tests.integration.attacks.attack import Attack
from tests.integration.attacks.others import AUDIT, JOBS, SCHEDULES
from tests.integration.attacks.world import LISTS


def _at(name: str, of: str, cursor: str, *, query: str = "", by: str = "stranger") -> Attack:
    asks = f"GET /api/v1/{of}?page_size=1&cursor={cursor}{query}"
    return Attack(f"{name}: {of}", asks, 422, '"field":"cursor"', by=by)


def _encoded(value: object, mac: bytes = b"\0" * 16) -> str:
    return base64.urlsafe_b64encode(mac + json.dumps(value).encode()).decode().rstrip("=")


_PLACES = {
    "schedules": [0, "s"],
    "jobs": [0, "j"],
    "audit": [10**9],
}
_FORGED: Mapping[str, Callable[[str], str]] = {
    "no signature": lambda of: _encoded(_PLACES[of]),
    "a signature too short": lambda of: _encoded(_PLACES[of], b""),
    "an object in place of a place": lambda _: _encoded({"a": 1}),
    "a deep place": lambda _: base64.urlsafe_b64encode(b"[" * 2000).decode(),
    "no base64": lambda _: "%C3%A9%00",
    "an empty one": lambda _: "",
    "a query": lambda _: "' or PartitionKey ne '",
    "4,001 letters": lambda _: "A" * 4001,
    "60,000 letters": lambda _: "A" * 60_000,
}

CURSORS = [
    *(
        _at(f"a cursor of the {whose}", of, f"<{whose} cursor of {of}>")
        for of in LISTS
        for whose in ("owner", "admin")
    ),
    *(
        _at(f"a cursor of {other}", of, f"<stranger cursor of {other}>")
        for of in LISTS
        for other in LISTS
        if of != other
    ),
    *(
        _at(f"a cursor {how}", of, f"<stranger cursor of {of} {how}>")
        for of in LISTS
        for how in ("with a bit changed", "cut short", "made longer")
    ),
    *(_at(f"forged: {name}", of, made(of)) for of in LISTS for name, made in _FORGED.items()),
    _at("with another filter", "schedules", "<stranger cursor of schedules>", query="&q=a"),
    _at("for a project", "schedules", "<stranger cursor of schedules>", query="&project_id=1"),
    _at("in another order", "schedules", "<stranger cursor of schedules>", query="&sort=name"),
    _at("with another filter", "jobs", "<stranger cursor of jobs>", query="&status=failed"),
    _at("for a project", "jobs", "<stranger cursor of jobs>", query="&project_id=1"),
    _at("with another filter", "audit", "<stranger cursor of audit>", query="&kind=key"),
    _at("for a project", "audit", "<stranger cursor of audit>", query="&project_id=1"),
    _at("by a lower role", "audit", "<stranger cursor of audit>", by="viewer"),
    Attack(
        "the cursor of all of a schedule's audit",
        f"GET {SCHEDULES}/<own schedule>/audit?cursor=<stranger cursor of audit>",
        422,
        '"field":"cursor"',
    ),
    *(
        Attack(
            f"a page beside a cursor: {path}",
            f"GET {path}?page_size=1&page=2&cursor=<stranger cursor of {of}>",
            422,
            '"field":"page"',
        )
        for path, of in ((SCHEDULES, "schedules"), (JOBS, "jobs"), (AUDIT, "audit"))
    ),
    *(
        Attack(f"page {page} of {of}", f"GET /api/v1/{of}?page={page}", 422, '"field":"page"')
        for of in LISTS
        for page in ("0", "-1", "1e9", "9" * 30, "9" * 5000)
    ),
]
