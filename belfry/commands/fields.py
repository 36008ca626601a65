"""What a schedule is to be, as it is typed: the options that `create` and `change` share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from belfry.client import Json
from belfry.commands import given
from belfry.commands.given import Tags
from belfry.problems import Exit, Failure

Frequency = Annotated[str | None, typer.Option("--frequency", help="Such as daily, weekly.")]


@dataclass(frozen=True, kw_only=True)
class Fields:
    """The options; each field's type is the option's."""

    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", help="The API's body, a JSON object; - reads standard input."),
    ] = None
    name: Annotated[str | None, typer.Option("--name")] = None
    description: Annotated[str | None, typer.Option("--description")] = None
    cron: Annotated[list[str] | None, typer.Option(help="May be given several times.")] = None
    every: Annotated[int | None, typer.Option(help="Seconds between two runs.")] = None
    rrule: Annotated[str | None, typer.Option(help="A rule of RFC 5545.")] = None
    once: Annotated[
        str | None,
        typer.Option("--at", help="Once: with an offset, or by the clocks of --timezone."),
    ] = None
    frequency: Frequency = None
    timezone: Annotated[str | None, typer.Option(help="Such as Europe/Berlin.")] = None
    calendar: Annotated[list[str] | None, typer.Option(help="A calendar's name.")] = None
    tag: Tags = None
    param: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Of the task; JSON, else text.")
    ] = None
    more: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Any other field; JSON, else text."),
    ] = None

    def body(self, **typed: Any) -> Json:
        """The API's body: of the file, of the options, or both; options win. `typed`: what a
        command's own options say; None: not given. Raises `Failure`."""
        made = given.body(self.file) if self.file else {}
        made |= self._when() | self._what() | present(**typed)
        return made | given.parameters(self.more)

    def _what(self) -> Json:
        return present(
            name=self.name,
            description=self.description,
            calendars=self.calendar or None,
            tags=given.pairs(self.tag, "--tag") or None,
            task_parameters=given.parameters(self.param) or None,
        )

    def _when(self) -> Json:
        """The recurrence; an option that says one says its frequency too."""
        named = list(present(cron=self.cron or None, interval=self.every, rrule=self.rrule))
        if len(named) > 1:
            raise Failure(Exit.WRONG, "give one of --cron, --every and --rrule")
        frequency = named[0] if named else ("once" if self.once else None)
        made = present(frequency=frequency, timezone=self.timezone, interval_seconds=self.every)
        made |= present(rrule=self.rrule) | dict(self._crons()) | dict(self._start())
        return made | present(frequency=self.frequency)

    def _crons(self) -> Iterator[tuple[str, Any]]:
        if self.cron and len(self.cron) == 1:
            yield "cron_expression", self.cron[0]
        elif self.cron:
            yield "cron_expressions", self.cron

    def _start(self) -> Iterator[tuple[str, str]]:
        if self.once:
            yield "start_time" if _has_offset(self.once) else "start_local", self.once


def with_fields(command: Callable[..., None]) -> Callable[..., None]:
    """The command with these options, which it takes as `Fields` in its parameter `fields`. (Typer
    reads options from a function's signature, and knows no groups of them.)"""
    hints = get_type_hints(Fields, include_extras=True)
    options = [
        Parameter(one.name, Parameter.KEYWORD_ONLY, default=None, annotation=hints[one.name])
        for one in fields(Fields)
    ]
    own = signature(command, eval_str=True).parameters
    kept = [one.replace(kind=Parameter.KEYWORD_ONLY) for one in own.values()]

    @wraps(command)
    def run(**typed: Any) -> None:
        said = Fields(**{option.name: typed.pop(option.name) for option in options})
        command(**typed, fields=said)

    wanted = [one for one in kept if one.name != "fields"]
    vars(run)["__signature__"] = Signature([*wanted, *options])
    return run


def present(**typed: Any) -> Json:
    """Those that are given."""
    return {name: value for name, value in typed.items() if value is not None}


def _has_offset(text: str) -> bool:
    clock = text[10:]
    return clock.endswith(("Z", "z")) or "+" in clock or "-" in clock
