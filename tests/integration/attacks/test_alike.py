"""What belongs to others is answered as what is not there: with the same status, the same words and
the same headers. Of every route, with each name that it takes of something stored, and with the
headers that depend on what is stored. (That nothing is changed, `access/test_walk.py` says.)"""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.integration.access.planting import MARK
from tests.integration.access.test_walk import IDS, WALK, requests
from tests.integration.attacks.world import World

_OTHERS = str.maketrans("0123456789abcdef", "1234567890bcdefa")
_DIFFER = ("date", "ratelimit", "content-length")
_IF_THERE = {"If-Match": "*", "If-None-Match": "*"}
NOT_THERE = 77
"""A project in which nothing was ever made."""


class Twins:
    """Words for what project 1 has, and as many words of the same form for what nobody has."""

    def __init__(self, world: World) -> None:
        named = world.town.named.items()
        ids = {str(value) for name, value in named if name.rpartition(":")[2].endswith("_id")}
        self._ids = sorted((one for one in ids if len(one) > 5), key=len, reverse=True)

    def of(self, value: Any) -> Any:
        """A part of a request, about what is not there."""
        if isinstance(value, dict):
            return {name: self.of(one) for name, one in value.items()}
        if isinstance(value, list):
            return [self.of(one) for one in value]
        if type(value) is int and value == 1:
            return NOT_THERE
        return self._renamed(value) if isinstance(value, str) else value

    def plain(self, answer: httpx.Response) -> tuple[int, str, dict[str, str]]:
        """What an answer says, whichever of the two it was asked about."""
        told = {name: one for name, one in answer.headers.items() if name not in _DIFFER}
        text = self._renamed(answer.text).replace("project 1", f"project {NOT_THERE}")
        return answer.status_code, text, told

    def _renamed(self, text: str) -> str:
        for one in self._ids:
            head, dash, rest = one.partition("-")
            text = text.replace(one, head[0] + head[1:].translate(_OTHERS) + dash + rest)
        return text.replace(MARK, "elsewhere7")


@pytest.mark.parametrize(("path", "method", "name", "what"), WALK, ids=IDS)
def test_what_is_not_yours_is_as_what_is_not_there(
    attacked: World, path: str, method: str, name: str, what: dict[str, Any]
) -> None:
    twins, key = Twins(attacked), attacked.keys["stranger"]
    for request in requests(attacked.town, path, method, what):
        answers = [
            attacked.asking.ask(key=key, headers=_IF_THERE, **one)
            for one in (request, {**twins.of(request), "method": method.upper()})
        ]
        theirs, none = map(twins.plain, answers)
        assert theirs == none, (request, theirs[1], none[1])
