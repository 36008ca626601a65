"""A recurrence in words.

Cron expressions are told by the library cron-descriptor, in the languages that it has. What it
would tell wrongly (`_misread`) is told as it was written. All else is told in English.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from datetime import datetime

from shared.recurrence import CalendarRule, Frequency, Observance, Recurrence, rrule
from shared.recurrence.fields import DAY, WEEKDAY
from shared.recurrence.syntax import split
from shared.schedules.word_names import NAMES

ENGLISH = "en"
_LOCALES = {
    **{"cs": "cs_CZ", "da": "da_DK", "de": "de_DE", "el": "el_GR", "en": "en_US", "es": "es_ES"},
    **{"fa": "fa_IR", "fi": "fi_FI", "fr": "fr_FR", "he": "he_IL", "hu": "hu_HU", "it": "it_IT"},
    **{"ja": "ja_JP", "kk": "kk_KZ", "ko": "ko_KR", "nb": "nb_NO", "nl": "nl_NL", "pl": "pl_PL"},
    **{"pt": "pt_PT", "ro": "ro_RO", "ru": "ru_RU", "sk": "sk_SK", "sl": "sl_SI", "sv": "sv_SE"},
    **{"ta": "ta_IN", "th": "th_TH", "tr": "tr_TR", "uk": "uk_UA", "vi": "vi_VN", "zh": "zh_CN"},
}
"""The library's locales, by the language's tag (RFC 5646)."""
LANGUAGES = tuple(sorted(_LOCALES))
_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
_PERIODS = {"YEARLY": "year", "MONTHLY": "month", "WEEKLY": "week", "DAILY": "day"} | {
    "HOURLY": "hour",
    "MINUTELY": "minute",
}
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_RULES = {
    CalendarRule.SKIP: "left out when {} is closed",
    CalendarRule.NEXT: "moved to the next open day when {} is closed",
    CalendarRule.PREVIOUS: "moved to the previous open day when {} is closed",
}


@dataclass(frozen=True, slots=True)
class Words:
    """What it was told in, and the text."""

    text: str
    language: str


def chosen(accepted: str) -> str:
    """The language of an Accept-Language header (RFC 9110, 12.5.4) that there is; else English."""
    wanted: list[tuple[float, str]] = []
    for part in accepted.split(",")[:20]:
        tag, _, rest = part.partition(";")
        weight = re.fullmatch(r"\s*q=([01](?:\.\d{0,3})?)\s*", rest) if rest else None
        language = tag.strip().lower().partition("-")[0]
        quality = float(weight[1]) if weight else 0.0 if rest else 1.0
        if language in _LOCALES and quality > 0:
            wanted.append((-quality, language))
    return min(wanted, key=lambda one: one[0])[1] if wanted else ENGLISH


def in_words(recurrence: Recurrence, language: str = ENGLISH) -> Words:
    """What a recurrence says. In English where that language has no words for it."""
    if not recurrence.expressions:
        return Words(_plain(recurrence) + _besides(recurrence), ENGLISH)
    told = [_cron(expression, language) for expression in recurrence.expressions]
    alone = not (recurrence.calendar or recurrence.exclude_cron_expressions)
    if language != ENGLISH and (None in told or not alone):
        return in_words(recurrence)
    given = zip(told, recurrence.expressions, strict=True)
    texts = [text or f"By the cron expression {expression}" for text, expression in given]
    return Words("; ".join(texts) + _besides(recurrence), language)


def _besides(recurrence: Recurrence) -> str:
    """What is left out or moved."""
    out = recurrence.exclude_cron_expressions
    excluded = f"; except: {'; '.join(_cron(one, ENGLISH) or one for one in out)}" if out else ""
    return excluded + (_calendars(recurrence.calendar) if recurrence.calendar else "")


def _calendars(observance: Observance) -> str:
    return "; " + _RULES[observance.rule].format(" or ".join(observance.names))


def _plain(recurrence: Recurrence) -> str:
    if recurrence.interval_seconds is not None:
        return f"Every {_length(recurrence.interval_seconds)}"
    if recurrence.frequency is Frequency.ONCE:
        start = recurrence.start_local or recurrence.start_time
        return f"Once, at {_instant(start, recurrence.timezone)}"
    return _rule(rrule.parse(recurrence.rrule or ""))


def _instant(at: datetime | None, zone: str) -> str:
    if at is None:
        return "no time"
    text = at.strftime("%Y-%m-%d %H:%M:%S").removesuffix(":00")
    return f"{text} {zone if at.tzinfo is None else at.strftime('%z')}"


def _length(seconds: int) -> str:
    size, unit = next((size, unit) for size, unit in _UNITS if seconds % size == 0)
    return unit if seconds == size else f"{seconds // size:,} {unit}s"


def _rule(rule: rrule.RRule) -> str:
    period = _PERIODS[rule.freq.value]
    text = f"Every {period if rule.interval == 1 else f'{rule.interval} {period}s'}"
    if rule.months:
        text += f" in {_list([_MONTHS[one - 1] for one in rule.months])}"
    days = [_DAYS[one] for one in rule.weekdays]
    days += [f"the {_nth(which)} {_DAYS[day]}" for day, which in rule.nth]
    days += [f"the {_nth(one)} day of the month" for one in rule.month_days]
    text += f" on {_list(days)}" if days else ""
    text += f" in the hours {_list([str(one) for one in rule.hours])}" if rule.hours else ""
    text += f" at minute {_list([str(one) for one in rule.minutes])}" if rule.minutes else ""
    if rule.positions:
        text += f", of these the {_list([_nth(one) for one in rule.positions])} of each {period}"
    text += f", {rule.count} times" if rule.count is not None else ""
    return text + (f", until {rule.until:%Y-%m-%d %H:%M}" if rule.until is not None else "")


def _nth(number: int) -> str:
    if number < 0:
        return "last" if number == -1 else f"{_nth(-number)} last"
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10 if number % 100 not in (11, 12, 13) else 0)
    return f"{number}{ending or 'th'}"


def _list(texts: list[str]) -> str:
    return ", ".join(texts[:-1]) + (" and " if texts[1:] else "") + texts[-1]


@functools.lru_cache(maxsize=512)
def _cron(expression: str, language: str) -> str | None:
    """What the library says; None if it would be wrong, or partly in another language."""
    fields = split(expression)
    if _misread(fields[DAY], fields[WEEKDAY]):
        return None
    if language != ENGLISH and fields[DAY].startswith("l-"):
        return None  # in most languages the library says nothing of it
    text = _library(" ".join(fields).upper(), _LOCALES[language])
    if language == ENGLISH or text is None or not re.search(_ENGLISH_NAMES, text):
        return text
    names = NAMES.get(language)  # it takes the names of days and months from the process's locale
    if names is None:
        return None
    return re.sub(_ENGLISH_NAMES, lambda found: names[_ALL.index(found[0])], text)


def _misread(day: str, weekday: str) -> bool:
    """Whether the library would tell them wrongly. It drops parts of a list with `L`, `W` or `#`,
    and says "or" where one of the fields has a `*`, and a day must fit both."""
    lists = ("," in day and re.search("[lw]", day)) or ("," in weekday and re.search(_NTH, weekday))
    both = day not in _EVERY and weekday not in _EVERY
    return bool(lists) or (both and "*" in day + weekday)


_EVERY = ("*", "?")
_NTH = r"#|\dl"
_ALL = (*_DAYS, *_MONTHS)
_ENGLISH_NAMES = rf"\b({'|'.join(_ALL)})\b"


def _library(expression: str, locale: str) -> str | None:
    # Here, since only a preview needs it.
    from cron_descriptor import ExpressionDescriptor, FormatError, Options

    options = Options(locale_code=locale, use_24hour_time_format=True)
    try:
        return str(ExpressionDescriptor(expression, options).get_description())
    except (FormatError, ValueError, IndexError, KeyError):
        return None  # it takes fewer expressions than Belfry does
