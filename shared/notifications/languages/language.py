"""How a language writes dates, times and money, and its words for each kind of notification."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from shared.errors import Misconfigured
from shared.money import digits
from shared.notifications.languages.currency import symbol
from shared.recurrence import zone

_Week = Annotated[tuple[str, ...], Field(min_length=7, max_length=7)]
_Year = Annotated[tuple[str, ...], Field(min_length=12, max_length=12)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Times(_Table):
    """How dates and times are written. Patterns have names in braces."""

    weekdays: _Week
    """From Monday."""
    short_weekdays: _Week
    months: _Year
    short_months: _Year
    date: str
    """Of `weekday`, `day`, `month` and `year`: a date in full."""
    short_date: str
    """Of `weekday`, `day`, `month` (both short) and `number` (of the month): a date in a text
    message, without its year."""
    day: str
    """Of `day`, `month` (short) and `number`: a day on a chart."""
    time: str
    """Of `hour` (00 to 23), `hour12` (1 to 12), `minute`, `half` and `zone`."""
    place: str
    """Of `city`: what a zone without a short name is called."""
    halves: tuple[str, str] = ("AM", "PM")
    zones: Mapping[str, str] = {}
    """What the language calls zones that have a short name, such as `CET`."""


class Numbers(_Table):
    """How numbers are written."""

    decimal: str
    group: str
    """Between thousands."""
    percent: str
    """Of `number`."""
    money: str
    """Of `symbol` and `number`."""
    money_by_code: str
    """The same for a currency without a symbol: `symbol` is its code, such as CHF."""


class Words(_Table):
    """What a kind of notification says. `subject` and `text` are templates."""

    subject: str = ""
    text: str = ""
    """Of a text message. The layout of a mail is in `templates`."""
    words: Mapping[str, str] = {}
    """What the layout names, in this language."""


class Language(_Table):
    """A language."""

    tag: str
    """Its name by BCP 47, such as `de`."""
    name: str
    """What it calls itself."""
    times: Times
    numbers: Numbers
    kinds: Mapping[str, Words]

    def words(self, kind: str) -> Words:
        """What a kind of notification says. Raises `Misconfigured` if the language lacks it."""
        if kind not in self.kinds:
            raise Misconfigured(f"{self.tag}.toml has no words for {kind}; add [kinds.{kind}]")
        return self.kinds[kind]

    def full_date(self, day: date) -> str:
        """A date in full: `Tuesday, December 1, 2026`."""
        times = self.times
        weekday, month = times.weekdays[day.weekday()], times.months[day.month - 1]
        return times.date.format(weekday=weekday, day=day.day, month=month, year=day.year)

    def short_date(self, day: date) -> str:
        """A date that is near: `Tue, Dec 1`."""
        weekday = self.times.short_weekdays[day.weekday()]
        return self.times.short_date.format(weekday=weekday, **self._day(day))

    def day(self, day: date) -> str:
        """A day on a chart: `Dec 1`."""
        return self.times.day.format(**self._day(day))

    def _day(self, day: date) -> Mapping[str, object]:
        month = self.times.short_months[day.month - 1]
        return {"day": day.day, "month": month, "number": day.month}

    def local_date(self, at: datetime, timezone: str) -> str:
        """The date of an instant in a zone, as `short_date`."""
        return self.short_date(at.astimezone(zone.find(timezone)).date())

    def local_time(self, at: datetime, timezone: str) -> str:
        """The time of an instant in a zone, with the zone's name: `2:30 PM EST`. A zone without a
        short name is called by its city: `2:30 PM Dubai time`."""
        local = at.astimezone(zone.find(timezone))
        return self.times.time.format(
            hour=f"{local.hour:02}",
            hour12=(local.hour - 1) % 12 + 1,
            minute=f"{local.minute:02}",
            half=self.times.halves[local.hour >= 12],
            zone=self._zone(local, timezone),
        )

    def _zone(self, local: datetime, timezone: str) -> str:
        short = local.tzname() or ""
        if short.isalpha():
            return self.times.zones.get(short, short)
        area, _, city = timezone.replace("_", " ").rpartition("/")
        if area == "Etc":  # no city, and its name has the sign the other way round
            return f"UTC{local.isoformat()[-6:]}"
        return self.times.place.format(city=city)

    def money(self, minor: int, currency: str) -> str:
        """An amount in minor units: `€1,234.50`."""
        return self._money(minor, currency, digits(currency))

    def round_money(self, minor: int, currency: str) -> str:
        """The same in whole units, for the axis of a chart: `€1,235`."""
        scale = self.whole(currency)
        return self._money((abs(minor) + scale // 2) // scale * (1 - 2 * (minor < 0)), currency, 0)

    def whole(self, currency: str) -> int:
        """How many minor units make a whole one."""
        return int(10 ** digits(currency))

    def _money(self, amount: int, currency: str, decimals: int) -> str:
        sign, number = "-" if amount < 0 else "", self._number(abs(amount), decimals)
        short = symbol(currency)
        pattern = self.numbers.money if short else self.numbers.money_by_code
        return sign + pattern.format(symbol=short or currency, number=number)

    def percent(self, share: float) -> str:
        """A share in percent, with one decimal: 0.419 is `41.9%`."""
        tenths = round(share * 1000)
        sign = "-" if tenths < 0 else ""
        return sign + self.numbers.percent.format(number=self._number(abs(tenths), 1))

    def change(self, now: int, before: int | None) -> str:
        """The change from `before`, such as `+20.0%`; empty if there was nothing to compare with,
        or far too little."""
        if before is None or before <= 0 or abs(now - before) > 100 * before:
            return ""
        share = (now - before) / before
        return ("+" if round(share * 1000) > 0 else "") + self.percent(share)

    def _number(self, amount: int, decimals: int) -> str:
        """`amount` is of units of the last decimal."""
        whole, part = divmod(amount, 10**decimals)
        grouped = f"{whole:,}".replace(",", self.numbers.group)
        return grouped + (f"{self.numbers.decimal}{part:0{decimals}}" if decimals else "")
