"""Each link from one of our pages to another, and each file that a page names, is there."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest

_PAGES = [
    Path("README.md"),
    Path("CONTRIBUTING.md"),
    Path("CHANGELOG.md"),
    *Path("docs").glob("*.md"),
]
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_NAMED = re.compile(r"`((?:bench|checks|docs|functions|infra|local|shared|tests|web)/[\w./-]+)`")
_CODE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
_TO_BE_MADE = re.compile(r"NAME|TAG|export_cleanup")
"""In the name of a file that a page tells somebody to make."""


@pytest.mark.parametrize("page", _PAGES, ids=str)
def test_each_link_leads_somewhere(page: Path) -> None:
    assert [link for link in _links(page.read_text()) if not _is_there(page, link)] == []


def test_a_dead_link_is_seen() -> None:
    text = "[a](docs/cost.md#three-companies) [b](docs/none.md) [c](docs/cost.md#none) [d](#none)"
    dead = [link for link in _links(text) if not _is_there(Path("README.md"), link)]
    assert dead == ["docs/none.md", "docs/cost.md#none", "#none"]


@pytest.mark.parametrize("page", [one for one in _PAGES if one.name != "CHANGELOG.md"], ids=str)
def test_each_file_that_is_named_is_there(page: Path) -> None:
    named = [one for one in _NAMED.findall(page.read_text()) if not _TO_BE_MADE.search(one)]
    assert [one for one in named if not Path(one).exists()] == []


def test_each_page_can_be_found_from_the_readme() -> None:
    found, left = {Path("README.md")}, [Path("README.md")]
    while left:
        page = left.pop()
        links = [page.parent / one.partition("#")[0] for one in _links(page.read_text())]
        there = {Path(os.path.normpath(one)) for one in links if one.suffix == ".md"}
        more = there - found
        found |= more
        left += more
    assert set(_PAGES) - found == set()


def _links(text: str) -> Iterator[str]:
    """Those that stay in the repository."""
    return (one for one in _LINK.findall(_CODE.sub("", text)) if not re.match(r"[a-z]+:", one))


def _is_there(page: Path, link: str) -> bool:
    path, _, anchor = unquote(link).partition("#")
    to = page.parent / path if path else page
    return to.exists() and (not anchor or anchor in _anchors(to))


@cache
def _anchors(page: Path) -> frozenset[str]:
    """The anchors that GitHub makes of a page's headings; one that comes again gets a number."""
    seen: Counter[str] = Counter()
    made = set()
    for title in re.findall(r"^#{1,6} (.+)$", _CODE.sub("", page.read_text()), re.MULTILINE):
        plain = re.sub(r"[^\w\- ]", "", _LINK.sub("", title).lower()).replace(" ", "-")
        made.add(f"{plain}-{seen[plain]}" if seen[plain] else plain)
        seen[plain] += 1
    return frozenset(made)
