"""How many bytes a project may keep of what its tasks write.

The listing of the blobs says how many it keeps, so nothing is counted beside them, and no crash can
make the two differ.
"""

from __future__ import annotations

from collections.abc import Callable

from shared.errors import Refused
from shared.storage.blobs.container import Container
from shared.storage.blobs.stream import go_on

GB = 10**9
MOST_BYTES = 20 * GB
"""Of one project in one container. What is at work at the same time may go over, each once."""


def left(
    container: Container, beginning: str, check: Callable[[], None] = go_on, *, but: str = ""
) -> int:
    """How many bytes more there may be below `beginning`. `but`: the beginning of names that do not
    count, since what is at work would write them anew."""
    items = container.items(check, beginning)
    return MOST_BYTES - sum(one.size for one in items if not but or not one.name.startswith(but))


def hold(
    what: str,
    advice: str,
    container: Container,
    beginning: str,
    check: Callable[[], None] = go_on,
    *,
    but: str = "",
) -> None:
    """Raise `Refused` unless there is room. `advice`: what a person can do."""
    if left(container, beginning, check, but=but) <= 0:
        raise full(what, advice)


def full(what: str, advice: str) -> Refused:
    """There is no room."""
    return Refused(what, f"a project keeps {MOST_BYTES / GB:g} GB of them at most; {advice}")
