"""What a notification says: (kind, data, language) -> content.

A template is filled in a sandbox, and a name in it that is not in the data is an error. Names of
tenants, pets and partners are other people's text: they are filled in, never compiled, and escaped
in HTML. Names so long that a text message would have more than `SEGMENTS` parts are shortened; of
tables so long that a mail would be clipped, the smallest rows are left out.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from shared.errors import Invalid, Misconfigured
from shared.log import Event, event
from shared.notifications import kinds, languages, segments
from shared.notifications.content import Content
from shared.notifications.kinds import MAIL, NAME, Data
from shared.notifications.languages.language import Language
from shared.notifications.linking import paragraphs
from shared.notifications.model import SUBJECT, one_line

if TYPE_CHECKING:
    from jinja2 import Template
    from jinja2.sandbox import SandboxedEnvironment

    from shared.charts import Chart

_logger = logging.getLogger("belfry.notifications")

SEGMENTS = 3
"""A text message has no more parts, however long the names in it are."""
_NAMES = (NAME, 60, 30, 15)
"""How long names may be in a text message: the first of these that keeps it short enough."""
HTML = 100_000
"""Bytes of a mail's HTML: Gmail clips it at 102 KB."""
_ROWS = (20, 10, 5, 2)
"""Rows that each table of a mail may have: the first of these that keeps it short enough."""
_TEMPLATES = Path(__file__).parent / "templates"


def render(kind: str, data: Mapping[str, object], language: str) -> Content:
    """The content of a notification of that kind, in the nearest language that there is.

    Raises `Invalid` for a kind that does not exist, and for data that are not the kind's: it names
    the field. Raises `Misconfigured` if a template is wrong.
    """
    spoken = languages.find(language)
    channel = kinds.kind(kind).channel
    return _mail(kind, data, spoken) if channel == MAIL else _text_message(kind, data, spoken)


def charts(kind: str, data: Mapping[str, object], language: str) -> dict[str, str]:
    """The charts of a notification, as SVG, by their content ids. Raises as `render` does."""
    from shared.charts.drawing import svg

    shown = kinds.kind(kind).charts(read(kind, data), languages.find(language))
    return {id: svg(chart) for id, chart in shown.items()}


def read(kind: str, data: Mapping[str, object], longest: int = NAME) -> Data:
    """The kind's data, with no name longer than `longest`. Raises `Invalid`."""
    try:
        return kinds.kind(kind).data.model_validate(data, context={"longest": longest})
    except ValidationError as error:
        wrong = [(".".join(map(str, one["loc"])) or "data", one["msg"]) for one in error.errors()]
    more = "".join(f"; {field}: {said}" for field, said in wrong[1:])
    # outside `except`, so that the library's error, which shows the values, is dropped
    raise Invalid(wrong[0][0], f"{wrong[0][1]}{more} (data of {kind})")


def _text_message(kind: str, data: Mapping[str, object], language: Language) -> Content:
    source = language.words(kind).text

    def filled(longest: int) -> str:
        facts = read(kind, data, longest)
        return segments.plain(_fill(kind, language.tag, source, dict(facts)))

    return Content(text=_first(filled, _NAMES, lambda it: segments.size(it).segments <= SEGMENTS))


def _mail(kind: str, data: Mapping[str, object], language: Language) -> Content:
    facts, words = read(kind, data), language.words(kind)
    shown = kinds.kind(kind).charts(facts, language)
    images = _images(shown)
    values = dict(facts) | {
        "words": words.words,
        "language": language.tag,
        "charts": {id: shown[id].description for id in images},
    }

    def filled(end: str, rows: int) -> str:
        return _fill(kind, language.tag, _TEMPLATES / f"{kind}{end}", values | {"rows": rows})

    return Content(
        subject=one_line(_fill(kind, language.tag, words.subject, values), SUBJECT),
        text=filled(".txt", _ROWS[0]),
        html=_first(partial(filled, ".html"), _ROWS, lambda it: len(it.encode()) <= HTML),
        reply_to=kinds.kind(kind).reply_to(facts),
        images=images,
    )


def _images(shown: Mapping[str, Chart]) -> dict[str, bytes]:
    """The charts as PNG, by content id; none where the library that draws them cannot be loaded:
    the mail goes without them, since its tables have the numbers."""
    from shared.charts.drawing import svg
    from shared.charts.picture import png

    try:
        return {id: png(svg(chart)) for id, chart in shown.items()}
    except ImportError as error:
        event(_logger, Event.CHART_LEFT_OUT, level=logging.WARNING, error=str(error))
        return {}


def _first(make: Callable[[int], str], sizes: tuple[int, ...], fits: Callable[[str], bool]) -> str:
    """What is made with the first size with which it fits, else with the last."""
    for size in sizes[:-1]:
        made = make(size)
        if fits(made):
            return made
    return make(sizes[-1])


def _fill(kind: str, tag: str, source: str | Path, values: Mapping[str, object]) -> str:
    """The template with the values. `source` is its text or its file."""
    from jinja2 import TemplateError

    try:
        return _template(tag, source).render(values).strip()
    except (TemplateError, TypeError) as error:  # TypeError: a filter that needs another argument
        where = source.name if isinstance(source, Path) else f"{kind} in {tag}.toml"
        raise Misconfigured(f"the template of {where} is wrong: {error}") from error


@functools.cache
def _template(tag: str, source: str | Path) -> Template:
    environment = _environment(tag)
    if isinstance(source, Path):
        return environment.get_template(source.name)
    return environment.from_string(source)


@functools.cache
def _environment(tag: str) -> SandboxedEnvironment:
    """Templates in one language. Only files that end in `.html` are HTML, whose values are
    escaped."""
    from jinja2 import FileSystemLoader, StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    made = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(_TEMPLATES),
        undefined=StrictUndefined,
        autoescape=lambda name: name is not None and name.endswith(".html"),
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    spoken = languages.load(tag)
    for one in (
        "full_date",
        "short_date",
        "local_date",
        "local_time",
        "money",
        "percent",
        "change",
    ):
        made.filters[one] = getattr(spoken, one)
    made.filters["paragraphs"] = paragraphs
    return made
