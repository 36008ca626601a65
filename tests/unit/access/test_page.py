"""docs/access.md says of each route what it needs."""

from __future__ import annotations

import re
from pathlib import Path

from shared.api.roles import needed
from tests.unit.api.asking import stateless

_PAGE = Path("docs/access.md").read_text()


def test_each_route_is_in_the_table_with_what_it_needs() -> None:
    _, _, part = _PAGE.partition("### Route by route")
    rows = re.findall(r"^\| (`.+?) \| (viewer|operator|admin) \| (.+) \|$", part, re.MULTILINE)
    said = {
        name: (role, theirs.startswith("403"))
        for names, role, theirs in rows
        for name in re.findall(r"`(\w+)`", names)
    }
    there = {}
    for one in stateless().routes:
        for route in getattr(getattr(one, "original_router", None), "routes", ()):
            (method,) = route.methods
            role, everything = needed(route.endpoint, method)
            there[route.name] = (role.value, everything)
    assert said == there
