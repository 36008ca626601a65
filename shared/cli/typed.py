"""What a person typed: a task, its parameters, and the help for both."""

from __future__ import annotations

import argparse
import json
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from shared.errors import Invalid
from shared.tasks import Task
from shared.tasks.kinds import kind
from shared.tasks.model import Params

_ABOUT = """\
Run a task by hand, now and here; every run is a job like any other.

    python -m functions                       the tasks and their next runs
    python -m functions postgres_backup       run one
    python -m functions backup_restore backup_id=1f0c9a2e target=shop
                                              run one once, with parameters of its own
    python -m functions backup_restore --help
                                              what its parameters are
    python -m functions postgres_backup --force
                                              though its last ended less than two minutes ago
    python -m functions schedule_cleanup --dry-run --as-of 2026-12-01
                                              what it would do on that day; changes nothing
    python -m functions workflow_scheduler --loop
                                              start the workflows that are due, every 60 s
    python -m functions schedule_dispatcher   one tick: hand out what is due
    python -m functions database status       whether the company's database fits this version
    python -m functions database upgrade      make it fit; before a deployment
    python -m functions archive verify        whether all files of archived jobs are whole
    python -m functions archive status        how many there are
    python -m functions schedules check       whether lists say what the schedules are; repairs it
    python -m functions schedules reindex     make the index of lists anew
    python -m functions jobs check            whether lists say what the jobs were; repairs it
    python -m functions jobs reindex          make the index of jobs anew
    python -m functions notifications preview --help
                                              what people are told, with sample data
    python -m functions billing status        whether billing runs, and what the ledger has
    python -m functions billing resume by=NAME
                                              let it run again; holds for today
    python -m functions billing reconcile     compare the ledger with Stripe; --repair: and repair
    python -m functions billing retry fee=7   invoice a fee again that failed
    python -m functions keys create name=NAME role=admin
                                              make a key of the API, shown once; docs/access.md
    python -m functions keys list             the keys of the API
    python -m functions keys revoke id=ID     revoke one
    python -m functions audit verify          whether anybody tampered with the audit

A parameter's value is text where the task takes text, else JSON (encrypt=false, schemas=["a"]).
With --as-of, a task acts as if it were due then. A day without a time means its midnight; without
an offset, the zone is that of the task's schedule (<TASK>_TIMEZONE). Without --dry-run the instant
must have passed: the task decides by it what is to be done, and does that now.
Tasks that work on what there is now, such as backups, have neither, and say so.
The system schedules stay as they are stored: only the app itself applies what its settings say.
Ctrl-C gives the job back to the app."""
_EXIT = (
    "Exit codes: 0 the job succeeded; 1 it did not, or not yet; 2 it could not be started; "
    "130 Ctrl-C."
)


@dataclass(frozen=True, slots=True)
class Typed:
    """A command, taken apart."""

    task: str | None
    """None: list them all."""
    parameters: tuple[str, ...]
    insist: bool
    help: bool
    repair: bool = False
    dry_run: bool = False
    as_of: str | None = None
    loop: bool = False


def read() -> Typed:
    """The process's arguments. If they are wrong, exits with code 2."""
    given = _parser(None).parse_intermixed_args()
    return Typed(
        given.task,
        tuple(given.parameters),
        given.force,
        given.help,
        given.repair,
        given.dry_run,
        given.as_of,
        given.loop,
    )


def help_of(task: Task | None) -> str:
    """The help for a task, or for all of them."""
    parser = _parser(None if task is None else task.name)
    parser.description = _ABOUT if task is None else f"{task.summary}\n\n{_parameters(task.params)}"
    parser.epilog = _EXIT
    return parser.format_help()


def values(parameters: Sequence[str], params: type[Params]) -> dict[str, object]:
    """The values by name. Raises `Invalid` for what is not name=value, or is given twice."""
    found: dict[str, object] = {}
    for one in parameters:
        name, mark, text = one.partition("=")
        if not mark or not name:
            raise Invalid(one, f"{one!r} is no parameter; write name=value")
        if name in found:
            raise Invalid(name, f"{name} is given twice; give it once")
        found[name] = _value(text, params.model_fields.get(name))
    return found


def _value(text: str, field: FieldInfo | None) -> object:
    """The text parsed as JSON, or the text itself: whichever the field takes."""
    try:
        as_json: object = json.loads(text)
    except ValueError:
        return text
    return (
        text
        if field is not None and not _takes(field, as_json) and _takes(field, text)
        else as_json
    )


def _takes(field: FieldInfo, value: object) -> bool:
    try:
        TypeAdapter[Any](field.rebuild_annotation()).validate_python(value)
    except ValidationError:
        return False
    return True


def _parser(task: str | None) -> argparse.ArgumentParser:
    program = "python -m functions" if task is None else f"python -m functions {task}"
    parser = argparse.ArgumentParser(prog=program, add_help=False)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    if task is None:
        parser.add_argument("task", nargs="?", help="the task to run")
    parser.add_argument("parameters", nargs="*", metavar="name=value", help="of this one run")
    parser.add_argument("-h", "--help", action="store_true", help="show this, and run nothing")
    parser.add_argument("--force", action="store_true", help="leave nothing out as needless")
    if task is None:
        said = "billing reconcile: repair what is safe"
        parser.add_argument("--repair", action="store_true", help=said)
    parser.add_argument("--dry-run", action="store_true", help="say what it would do; do nothing")
    often = parser.add_mutually_exclusive_group()
    often.add_argument("--once", action="store_true", help="run it once, as without this")
    often.add_argument("--loop", action="store_true", help="run it again every 60 s, until Ctrl-C")
    parser.add_argument("--as-of", metavar="INSTANT", help="as if it were due then")
    return parser


def _parameters(params: type[Params]) -> str:
    if not params.model_fields:
        return "It takes no parameters."
    lines = ["its parameters:"]
    for name, field in params.model_fields.items():
        lines.append(f"  {name}=...  {kind(field.annotation)}{_default(field)}")
        said = " ".join((field.description or "").replace("`", "").split())
        lines += textwrap.wrap(said, 86, initial_indent="      ", subsequent_indent="      ")
    return "\n".join(lines)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "; needed"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        value = value.model_dump(exclude_none=True)
    if value is None or value == ():
        return ""
    return f"; default: {value if isinstance(value, str) else json.dumps(value, default=str)}"
