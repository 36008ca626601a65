"""`belfry keys`: list, create, revoke."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from belfry import session
from belfry.client import at
from belfry.commands import given
from belfry.commands.given import Yes
from belfry.problems import Exit, Failure
from belfry.screen import columns
from belfry.session import AsJson, Every, Limit

app = typer.Typer(no_args_is_help=True, help="Keys of the API, for admins.")

_LIST = (
    *columns("id", "name", "role"),
    ("projects", lambda key: key["projects"] or "all"),
    *columns("expires_at", "last_used_at", "revoked_at"),
)


@app.command("list")
def list_keys(
    context: typer.Context,
    revoked: Annotated[bool | None, typer.Option("--revoked/--valid")] = None,
    limit: Limit = 50,
    every: Every = False,
    as_json: AsJson = False,
) -> None:
    """The keys, newest first; never their texts."""
    given.show_list(
        context, at("keys"), "keys", _LIST, limit=limit, every=every, as_json=as_json,
        revoked=revoked,
    )  # fmt: skip


@app.command()
def create(
    context: typer.Context,
    name: Annotated[str, typer.Option(help="Whose it is, or what for.")],
    role: Annotated[str, typer.Option(help="viewer, operator or admin.")],
    project: Annotated[
        list[int] | None, typer.Option(help="May be given several times; default: yours.")
    ] = None,
    expires: Annotated[str | None, typer.Option(help="An instant, with its offset.")] = None,
    to: Annotated[
        Path | None, typer.Option(help="Write the key into this new file, which only you can read.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key. It is shown once, here, or written into a file."""
    body = {"name": name, "role": role, "projects": project or None, "expires_at": expires}
    sent = {field: value for field, value in body.items() if value is not None}
    file = None if to is None else _new_file(to)
    try:
        made = session.client(context).ask("POST", at("keys"), body=sent).body
    except BaseException:
        if to is not None:
            to.unlink()
        raise
    screen = session.screen(as_json)
    if file is not None:
        with os.fdopen(file, "w") as out:
            out.write(made.pop("key") + "\n")
    if as_json:
        screen.document(made)
        return
    screen.object(made)
    screen.note(f"The key is in {to}." if to else "The key is shown this once.")


@app.command()
def revoke(context: typer.Context, key: str, yes: Yes = False) -> None:
    """Revoke a key, for good."""
    given.confirm(f"Revoke {key}?", yes)
    session.client(context).ask("DELETE", at("keys", key))
    session.screen().line(f"{key} revoked")


def _new_file(path: Path) -> int:
    """A new file, made before the key is: else there would be a key that nobody has."""
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        said = f"{path} cannot be made: {error.strerror}; no key was made"
        raise Failure(Exit.WRONG, said) from error
