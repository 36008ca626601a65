"""The public holidays of a country or region, from the library `holidays`, as explicit dates.

https://holidays.readthedocs.io. The library is imported in the functions: it is large.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from shared.calendars.model import HORIZON_YEARS, Holidays
from shared.errors import Invalid
from shared.recurrence import DayOff


@dataclass(frozen=True, kw_only=True, slots=True)
class Country:
    """What the library knows of a country."""

    code: str
    name: str
    subdivisions: tuple[str, ...]
    categories: tuple[str, ...]


def countries() -> list[Country]:
    """Every country that the library knows, by its code. It takes a second the first time."""
    return [_country(code, name) for code, name in sorted(_names().items())]


def known(asked: Holidays) -> Holidays:
    """`asked` with the library's own codes: `de` and `Bayern` are DE and BY. Raises `Invalid`."""
    names = _names()
    code = asked.country.strip().upper()
    if code not in names:
        raise Invalid("holidays.country", _no_country(asked.country, names))
    country = _library(code)
    categories = tuple(dict.fromkeys(asked.categories))
    wrong = [one for one in categories if one not in country.supported_categories]
    if wrong or not categories:
        there = ", ".join(country.supported_categories)
        said = f"{names[code]} has no category {wrong[0]!r:.40}" if wrong else "give at least one"
        raise Invalid("holidays.categories", f"{said}; these are: {there}")
    subdivision = _subdivision(asked.subdivision, country, names[code])
    return replace(asked, country=code, subdivision=subdivision, categories=categories)


def dates(wanted: Holidays, first: int, last: int) -> tuple[DayOff, ...]:
    """The holidays of the years from `first` to `last`, in order. `wanted` is `known`."""
    import holidays

    found = holidays.country_holidays(
        wanted.country,
        subdiv=wanted.subdivision,
        years=range(first, last + 1),
        categories=wanted.categories,
    )
    return tuple(DayOff(day, found[day]) for day in sorted(found) if first <= day.year <= last)


def years(present: int) -> tuple[int, int]:
    """The first and the last year whose holidays are copied in a year."""
    return present, present + HORIZON_YEARS


def _names() -> Mapping[str, str]:
    """Each country's name by its code."""
    from holidays.registry import COUNTRIES

    return {entry[1]: name.replace("_", " ").title() for name, entry in COUNTRIES.items()}


def _library(code: str) -> Any:
    import holidays

    return holidays.country_holidays(code)


def _country(code: str, name: str) -> Country:
    made = _library(code)
    return Country(
        code=code,
        name=name,
        subdivisions=tuple(made.subdivisions),
        categories=tuple(made.supported_categories),
    )


def _no_country(given: str, names: Mapping[str, str]) -> str:
    none = f"there is no country {given[:40]!r}"
    by_name = {name.lower(): code for code, name in names.items()}
    asked = given.strip().lower()
    words = [*by_name, *(code.lower() for code in names)] if len(asked) > 3 else list(by_name)
    near = difflib.get_close_matches(asked, words, n=3, cutoff=0.6)
    codes = [by_name.get(word, word.upper()) for word in near]
    if not codes and 1 <= len(asked) <= 3:
        codes = sorted(code for code in names if code.lower().startswith(asked[:1]))[:3]
    hint = ", ".join(f"{code} ({names[code]})" for code in dict.fromkeys(codes))
    return f"{none}; give two letters by ISO 3166-1" + (f", such as {hint}" if hint else "")


def _subdivision(given: str | None, country: Any, name: str) -> str | None:
    if given is None or given.strip() == "":
        return None
    asked = given.strip()
    folded = {one.casefold(): one for one in country.subdivisions}
    aliases = {one.casefold(): code for one, code in country.subdivisions_aliases.items()}
    found = folded.get(asked.casefold()) or aliases.get(asked.casefold())
    if found is not None:
        return str(found)
    none = f"{name} has no region {asked[:40]!r}"
    if not folded:
        raise Invalid("holidays.subdivision", f"{none}: the library knows none; leave it out")
    words = {**folded, **aliases}
    near = difflib.get_close_matches(asked.casefold(), words, n=3, cutoff=0.5)
    shown = [words[one] for one in near] or list(country.subdivisions)[:20]
    said = ", ".join(dict.fromkeys(shown))
    hint = f"did you mean {said}?" if near else f"give, for example, one of {said}"
    raise Invalid("holidays.subdivision", f"{none}; {hint}")
