"""Languages in which people are told things. Each `.toml` file here is one: how it writes dates,
times and money, and for each kind of notification its words. A file may be of one country, such as
`de-AT.toml`; else that of the language counts, else English.
"""

from __future__ import annotations

import functools
import tomllib
from pathlib import Path

from pydantic import ValidationError

from shared.errors import Misconfigured
from shared.notifications.languages.language import Language

DEFAULT = "en"
_HERE = Path(__file__).parent


@functools.cache
def names() -> tuple[str, ...]:
    """The names of all languages, as BCP 47 writes them: `de`, `de-AT`."""
    return tuple(sorted(path.stem for path in _HERE.glob("*.toml")))


def find(tag: str) -> Language:
    """The language for a tag such as `de-AT` (or `de_AT`, as some write it): the nearest one that
    there is, else English."""
    known = {name.casefold(): name for name in names()}
    parts = tag.strip().replace("_", "-").casefold().split("-")
    tried = ("-".join(parts[:count]) for count in range(min(len(parts), 3), 0, -1))
    return load(next((known[one] for one in tried if one in known), DEFAULT))


@functools.cache
def load(name: str) -> Language:
    """The language of that name. Raises `Misconfigured` if its file is not as it should be."""
    path = _HERE / f"{name}.toml"
    try:
        return Language.model_validate(tomllib.loads(path.read_text("utf-8")) | {"tag": name})
    except (ValidationError, tomllib.TOMLDecodeError) as error:
        raise Misconfigured(f"{path.name} in {_HERE} is no language: {error}") from error
