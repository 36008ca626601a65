"""The command `belfry`: the options before its commands, and what ends it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from belfry.commands import ahead, calendars, code, health, jobs, keys, schedules, site
from belfry.problems import Exit, Failure
from belfry.profile import Asked
from belfry.screen import Screen
from belfry.session import Session


class _Commands(TyperGroup):
    """Turns what ends a command into an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Failure as failure:
            Screen().note(failure.text)
            raise typer.Exit(failure.code) from failure
        except KeyboardInterrupt as interrupt:
            Screen().note("stopped waiting; what was asked of Belfry goes on")
            raise typer.Exit(Exit.INTERRUPTED) from interrupt
        finally:
            if isinstance(ctx.obj, Session):
                ctx.obj.close()


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Schedules and jobs of a Belfry, on this machine or deployed.",
    epilog="Exit codes: 0 done, 1 the job failed, 2 wrong usage or refused as wrong, 3 not found, "
    "4 not allowed, 5 not reachable, 6 not possible now, 7 differs, 8 not ended in time, "
    "130 Ctrl-C.",
)


@app.callback()
def _options(
    context: typer.Context,
    url: Annotated[
        str | None,
        typer.Option(
            help="Where Belfry is. Default: BELFRY_URL, the profile's, or localhost:7071."
        ),
    ] = None,
    profile: Annotated[
        str | None, typer.Option(help="A profile of the config file. Default: BELFRY_PROFILE.")
    ] = None,
    key_file: Annotated[
        Path | None,
        typer.Option(help="A file with the key, which only you can read. Default: BELFRY_KEY."),
    ] = None,
    function_key_file: Annotated[
        Path | None,
        typer.Option(help="The same for the host's key. Default: BELFRY_FUNCTION_KEY."),
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=0.1, help="Seconds that one request may take.")
    ] = 30.0,
) -> None:
    asked = Asked(url=url, profile=profile, key_file=key_file, function_key_file=function_key_file)
    given = context.obj if isinstance(context.obj, Session) else Session()
    context.obj = replace(given, asked=asked, timeout=timeout)


for part in (schedules, ahead, health, jobs, site, code):
    part.add(app)
app.add_typer(calendars.app, name="calendars")
app.add_typer(keys.app, name="keys")


def main() -> None:
    """Run the command that the process was started with."""
    app(prog_name="belfry")
