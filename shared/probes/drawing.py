"""A status page as HTML, and as a badge. Nothing is loaded, and no script runs; names are people's
own text, and are escaped."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import date
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from shared import page as shared_page
from shared.probes.model import Standing
from shared.probes.pages import Published

if TYPE_CHECKING:
    from jinja2 import Template

WORDS: Mapping[Standing, str] = {
    Standing.UP: "Operational",
    Standing.DEGRADED: "Slow",
    Standing.DOWN: "Down",
    Standing.UNKNOWN: "No recent result",
}
_ALL: Mapping[Standing, str] = {
    Standing.UP: "Everything works",
    Standing.DEGRADED: "Something is slow",
    Standing.DOWN: "Something is down",
    Standing.UNKNOWN: "Of some there is no recent result",
}
_BADGE: Mapping[Standing, tuple[str, str]] = {
    Standing.UP: ("up", "#1a7f37"),
    Standing.DEGRADED: ("slow", "#9a6700"),
    Standing.DOWN: ("down", "#cf222e"),
    Standing.UNKNOWN: ("no result", "#59636e"),
}
_TEMPLATES = Path(__file__).parent / "templates"
_LETTER, _PADDING = 6.6, 12
"""Pixels: the usual width of a letter at 11 px, and what stands around a text."""
_LABEL = 40
"""The longest label of a badge, in letters."""


def html(page: Published) -> str:
    """The page."""
    return _template().render(
        page=page,
        style=style(),
        words=WORDS,
        headline=_ALL[page.status] if page.checks else "Nothing is shown here yet",
        level=level,
        percent=percent,
    )


@functools.cache
def style() -> str:
    """The page's style sheet, which stands in it."""
    return (_TEMPLATES / "status.css").read_text()


@functools.cache
def policy() -> str:
    """The page's content security policy: nothing but this very style sheet."""
    return shared_page.policy(style())


def badge(label: str, status: Standing) -> str:
    """A badge as SVG: a label, and in one word how it is."""
    word, colour = _BADGE[status]
    shown = label if len(label) <= _LABEL else f"{label[: _LABEL - 1]}…"
    left, right = _width(shown), _width(word)
    name = escape(f"{shown}: {word}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" '
        f'aria-label="{name}"><title>{name}</title>'
        f'<rect width="{left}" height="20" fill="#444c56"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{colour}"/>'
        '<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" '
        f'font-size="11"><text x="{left / 2:g}" y="14">{escape(shown)}</text>'
        f'<text x="{left + right / 2:g}" y="14">{escape(word)}</text></g></svg>'
    )


def level(uptime: float | None) -> str:
    """How a day is coloured."""
    if uptime is None:
        return "none"
    return "good" if uptime == 100 else "fair" if uptime >= 99 else "bad"


def percent(uptime: float | None) -> str:
    return "no result" if uptime is None else f"{uptime:g} %"


def day_said(day: date, uptime: float | None) -> str:
    return f"{day:%d %B %Y}: {percent(uptime)}"


def _width(text: str) -> int:
    return int(sum(2 if ord(one) > 0x2E7F else 1 for one in text) * _LETTER) + _PADDING


@functools.cache
def _template() -> Template:
    return shared_page.template(_TEMPLATES, "status.html.j2", day_said=day_said)
