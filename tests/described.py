"""Holds the answers of the API to its description."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import httpx


def check(description: Mapping[str, Any]) -> Callable[[httpx.Response], None]:
    """A hook for a client: fails at an answer that the description does not have."""
    paths = description["paths"]
    # what is text in a path comes before what is a parameter
    known = [
        (_pattern(path), paths[path]) for path in sorted(paths, key=lambda one: one.count("{"))
    ]

    def hook(response: httpx.Response) -> None:
        asked = response.request
        for pattern, operations in known:
            if pattern.fullmatch(asked.url.path):
                if asked.method.lower() in operations:
                    _hold(response, operations[asked.method.lower()]["responses"])
                return

    return hook


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{\w+\}", "[^/]+", path))


def _hold(response: httpx.Response, answers: Mapping[str, Any]) -> None:
    status = str(response.status_code)
    assert status in answers, (response.request.method, response.request.url, status)
    if kinds := list(answers[status].get("content", ())):
        assert [response.headers["content-type"].partition(";")[0]] == kinds
