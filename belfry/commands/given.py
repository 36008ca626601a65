"""What people type: tags, parameters, bodies in files; ids that the shell completes."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self

import typer

from belfry import session
from belfry.client import Client, Json, at
from belfry.problems import Exit, Failure
from belfry.profile import Asked
from belfry.screen import Column
from belfry.session import Session

_COMPLETED = 50
_PATIENCE = 3.0
_LIMIT = 1_000_000


def complete_schedule(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    return _ids(context, incomplete, "schedules", "name")


def _complete_job(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    return _ids(context, incomplete, "jobs", "status")


def _ids(context: typer.Context, begins: str, of: str, said: str) -> list[tuple[str, str]]:
    """The newest ids that begin so. None at all if Belfry does not tell: a shell that completes
    has no place for an error."""
    given = context.find_root().params
    chosen = {name: given.get(name) for name in ("url", "profile", "key_file", "function_key_file")}
    asking = Session(Asked(**chosen), timeout=_PATIENCE, sleep=lambda _: None)
    try:
        page = asking.client.get(at(of), page_size=_COMPLETED)
    except Failure:
        return []
    finally:
        asking.close()
    return [(one["id"], str(one[said])) for one in page[of] if one["id"].startswith(begins)]


ScheduleId = Annotated[
    str, typer.Argument(metavar="SCHEDULE", help="Its id.", autocompletion=complete_schedule)
]
ScheduleIds = Annotated[
    list[str], typer.Argument(metavar="SCHEDULE...", autocompletion=complete_schedule)
]
JobId = Annotated[str, typer.Argument(metavar="JOB", help="Its id.", autocompletion=_complete_job)]
Tags = Annotated[list[str] | None, typer.Option("--tag", metavar="NAME=VALUE")]
Project = Annotated[int | None, typer.Option("--project", help="Of this project.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Force = Annotated[bool, typer.Option("--force", help="Even if somebody else changes it meanwhile.")]


@dataclass(frozen=True)
class Known:
    """An object as it was read, before it is changed."""

    shown: Json
    still: Mapping[str, str]
    """The headers of a request that is refused (exit code 6) if somebody else changed it since."""

    @classmethod
    def read(cls, client: Client, path: str) -> Self:
        """Raises `Failure`."""
        answer = client.ask("GET", path)
        if "etag" not in answer.headers:
            said = f"{path} was answered without an ETag; --force does it all the same"
            raise Failure(Exit.UNREACHABLE, said)
        return cls(answer.body, {"if-match": answer.headers["etag"]})


def pairs(given: Sequence[str] | None, option: str) -> dict[str, str]:
    """`NAME=VALUE`, each once. Raises `Failure`."""
    found: dict[str, str] = {}
    for text in given or ():
        name, is_pair, value = text.partition("=")
        if not is_pair or not name:
            raise Failure(Exit.WRONG, f"{option} {text!r:.80}: give NAME=VALUE")
        if name in found:
            raise Failure(Exit.WRONG, f"{option} {name}: given twice")
        found[name] = value
    return found


def parameters(given: Sequence[str] | None) -> Json:
    """`NAME=VALUE`; a value that is JSON is read as such, anything else is text."""
    return {name: _value(text) for name, text in pairs(given, "--param").items()}


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_number)
    except ValueError:
        return text


def _no_number(name: str) -> Any:
    raise ValueError(name)


def body(path: Path) -> Json:
    """The JSON object in a file; `-`: from the standard input. Raises `Failure`."""
    try:
        if str(path) == "-":
            text = sys.stdin.read(_LIMIT + 1)
        else:
            with path.open(encoding="utf-8") as file:
                text = file.read(_LIMIT + 1)
        found = json.loads(text, parse_constant=_no_number)
    except OSError as error:
        raise Failure(Exit.WRONG, f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise Failure(Exit.WRONG, f"{path} is not JSON: {error}") from error
    if len(text) > _LIMIT or not isinstance(found, dict):
        said = f"{path} must hold one JSON object, of {_LIMIT:,} characters at most"
        raise Failure(Exit.WRONG, said)
    return found


def confirm(question: str, yes: bool) -> None:
    """Ask, unless `--yes` said it. Raises `Failure` if nobody can answer, or the answer is no."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise Failure(Exit.WRONG, f"{question} Nobody is there to answer; say --yes.")
    if not typer.confirm(question):
        raise Failure(Exit.WRONG, "nothing was done")


def show_list(
    context: typer.Context,
    path: str,
    items: str,
    shown: Sequence[Column],
    *,
    limit: int,
    every: bool,
    as_json: bool,
    **params: Any,
) -> None:
    """A list, as a table, or as the API's document with all items that were asked for."""
    client = session.client(context)
    screen = session.screen(as_json)
    most = None if every else limit
    if as_json:
        screen.document(_gathered(client, path, items, most, params))
        return
    rows = list(client.walk(path, items, most and most + 1, **params))
    screen.table(rows[:most], shown)
    if most is not None and len(rows) > most:
        screen.note(f"these are the first {most}; --limit and --all show more")


def _gathered(client: Client, path: str, items: str, most: int | None, params: Json) -> Json:
    """Exactly the API's page where one page is enough; else the first, with all items in it, and
    nothing said of pages."""
    if most is not None and most <= 100:
        page: Json = client.get(path, page_size=most, **params)
        return page
    return {items: list(client.walk(path, items, most, **params))}
