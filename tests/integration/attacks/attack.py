"""An attack: what is sent, by whom, and what must come back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

_NAME = re.compile(r"<([a-z_0-9 ]+)>")


@dataclass(frozen=True, slots=True)
class Attack:
    """A request that must be refused, or be answered with nothing of others. `<words>` in its
    texts stand for what the world calls so (`World.named`)."""

    name: str
    asks: str
    """The method and the path."""
    status: int
    says: str = ""
    """What the answer contains."""
    body: Any = None
    """Sent as JSON; bytes as they are."""
    headers: Mapping[str, str] = field(default_factory=dict)
    by: str | None = "stranger"
    """Whose key is sent; None: no key."""
    of_feed: bool = False
    """It is the app of the calendar feed that is asked, not the API."""

    def method(self) -> str:
        return self.asks.partition(" ")[0]

    def path(self, named: Mapping[str, object]) -> str:
        """The path, whose values are quoted."""
        return _NAME.sub(
            lambda found: quote(str(named[found[1]]), safe=""), self.asks.partition(" ")[2]
        )

    def sent(self, named: Mapping[str, object]) -> dict[str, Any]:
        """The body and the headers."""
        headers = {name: filled(value, named) for name, value in self.headers.items()}
        if isinstance(self.body, bytes):
            return {
                "headers": {"content-type": "application/json", **headers},
                "content": self.body,
            }
        return {"headers": headers, "json": filled(self.body, named)}

    def what(self, named: Mapping[str, object]) -> str:
        """What the answer contains."""
        return str(filled(self.says, named))

    def names(self) -> set[str]:
        """What it sends of the world, by its words: an answer may repeat that."""
        return set(_NAME.findall(f"{self.asks} {self.headers} {self.body!r}"))


def filled(value: Any, named: Mapping[str, object]) -> Any:
    """A JSON value with what its texts stand for; a text that is nothing else becomes that."""
    if isinstance(value, dict):
        return {filled(name, named): filled(one, named) for name, one in value.items()}
    if isinstance(value, list):
        return [filled(one, named) for one in value]
    if not isinstance(value, str):
        return value
    whole = _NAME.fullmatch(value)
    return named[whole[1]] if whole else _NAME.sub(lambda found: str(named[found[1]]), value)
