"""`make start`: everything Belfry needs, on this machine, in the foreground, until Ctrl-C.

From the environment: PORT, AZURITE_PORT (the first of three) and POSTGRES_PORT, 0 for any free
one; STATE, the folder that keeps everything; FUNC=1 to insist on the Core Tools, FUNC=0 to do
without them although they are installed; READY_FILE, written when all serve.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module, util
from pathlib import Path

from local import azurite, check, child, core_tools, ports, postgres, state, values, welcome
from local.host import process as host
from local.host.settings import CannotStart
from local.state import DamagedFile, State
from shared import settings
from shared.errors import BelfryError, Damaged, Misconfigured

REPO = Path(__file__).parents[1]


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What a person may choose."""

    ports: Mapping[str, ports.Wanted]
    """By setting."""
    state: Path
    ready_file: Path | None

    @classmethod
    def from_env(cls) -> Options:
        """Raises `Misconfigured`."""
        ready = os.environ.get("READY_FILE")
        return cls(
            ports={
                "PORT": ports.Wanted(_port("PORT", 7071)),
                "AZURITE_PORT": ports.Wanted(_port("AZURITE_PORT", 10000), 3),
                "POSTGRES_PORT": ports.Wanted(_port("POSTGRES_PORT", 54329)),
            },
            state=Path(os.environ.get("STATE") or state.DEFAULT).resolve(),
            ready_file=Path(ready).resolve() if ready else None,
        )


@dataclass(frozen=True, slots=True)
class Services:
    """What the app runs on."""

    azurite: azurite.Azurite
    postgres: postgres.Postgres


def main() -> int:
    """The exit code; everything that was started is stopped."""
    os.chdir(REPO)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        options = Options.from_env()
        with state.hold(options.state) as held, contextlib.ExitStack() as running:
            try:
                return _run(options, held, running)
            finally:
                _deaf()  # nothing may cut the stopping short
    except DamagedFile as error:
        _complain(str(error))
        file, aside = _typed(error.file), _typed(error.file.parent / "damaged")
        told = "Move it away, and the next start makes it anew; the rest of the state stays:"
        print(f"{told}\n  mkdir -p {aside} && mv {file}* {aside}/", file=sys.stderr)
    except Damaged as error:
        folder = os.environ.get("STATE") or state.DEFAULT
        _complain(f"the state in {folder} is damaged: {error}")
        print(f"Move it away and start again:  mv {folder} {folder}.broken", file=sys.stderr)
    except Misconfigured as error:
        _complain("\n  ".join(["", *error.problems] if error.problems[1:] else error.problems))
    except (BelfryError, CannotStart) as error:
        _complain(str(error))
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    return 1


def _run(options: Options, held: State, running: contextlib.ExitStack) -> int:
    print(f"Belfry starts; its state is in {held.shown}", flush=True)
    func = core_tools.find()
    for name in held.end_left_over():
        print(f"  ended a {name} that an earlier run left behind")
    chosen = ports.choose(options.ports)
    (port,) = chosen["PORT"]
    host.listen(port).close()  # a port that cannot be used is told before anything starts
    file = (REPO if held.is_default else held.folder) / "local.settings.json"
    os.environ["BELFRY_LOCAL_SETTINGS"] = str(file)
    _check(file, chosen, held)
    services = _start_services(chosen, held, running)
    managed = _managed(held, services) | {"SECRETS_KEY": _secrets_key(file, held)}
    known = values.keep(file, managed)
    for name in values.not_ours(known, managed):
        print(f"  {name} in {file.name} is your own, and is kept")
    values.export(known, managed)
    _prepare(held, services)
    url = f"http://localhost:{port}"
    greet = _greeter(options, url, services, held)
    print("  App ...", flush=True)
    running.callback(print, "Stopping ...", flush=True)
    if func:
        command, environ = core_tools.command(func, port)
    else:
        command, environ = host.command(REPO, port, held.folder), dict(os.environ)
    return _serve(command, environ, held, services, greet)


def _check(file: Path, chosen: Mapping[str, tuple[int, ...]], held: State) -> None:
    """Raises `Misconfigured` for settings that are wrong, before anything starts."""
    values.export(values.read(file), {})
    blob, queue, table = chosen["AZURITE_PORT"]
    usual = {"AzureWebJobsStorage": azurite.connection_string((blob, queue, table))}
    check.settings_are_right(usual | {"DATABASE_PATH": _company(held)})


def _serve(
    command: list[str],
    environ: dict[str, str],
    held: State,
    services: Services,
    greet: Callable[[], None],
) -> int:
    """Run the app's host until it ends; its exit code. Ctrl-C is for it, and then for us.

    A process of its own: its interpreter's end is how the app hears that it goes down, and what
    it then gives back it writes to the storage, which ends after it.
    """
    process = child.spawn(command, log=None, env=environ)
    held.remember({"Azurite": services.azurite.process.pid, "host": process.pid})
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _frame: process.send_signal(number))
    greet()
    code = process.wait()
    if code in (0, -signal.SIGINT, -signal.SIGTERM):
        return 0
    how = f"with exit code {code}" if code > 0 else f"by {signal.Signals(-code).name}"
    print(f"\nBelfry stopped: its host ended {how}; start it again", file=sys.stderr, flush=True)
    return 1


def _start_services(
    chosen: Mapping[str, tuple[int, ...]], held: State, running: contextlib.ExitStack
) -> Services:
    blob, queue, table = chosen["AZURITE_PORT"]
    (postgres_port,) = chosen["POSTGRES_PORT"]
    running.callback(print, "Everything is stopped.", flush=True)
    with _step("Azurite"):
        storage = azurite.start(held.folder / "azurite", ports=(blob, queue, table))
        running.callback(storage.stop)
        held.remember({"Azurite": storage.process.pid})
    with _step("PostgreSQL"):
        database = postgres.start(held.folder / "postgres", port=postgres_port)
        running.callback(database.stop)
    return Services(storage, database)


def _managed(held: State, services: Services) -> dict[str, str]:
    return {
        "AzureWebJobsStorage": services.azurite.connection_string,
        "POSTGRES_URL": services.postgres.url("company"),
        "DATABASE_PATH": _company(held),
    }


def _secrets_key(file: Path, held: State) -> str:
    """The key that encrypts customers' secrets; one that a person set stays."""
    return values.read(file).get("SECRETS_KEY") or held.secrets_key()


def _company(held: State) -> str:
    """The file of the demo company, as DATABASE_PATH names it."""
    path = held.folder / "company.db"
    return str(path.relative_to(REPO) if held.is_default else path)


def _prepare(held: State, services: Services) -> None:
    with _step("Demo company"):
        _build_company(held.folder / "company.db", services.postgres.url("company"))
    if (problem := check.own_database()) is not None:
        print(f"  {problem}")
    if util.find_spec("functions._process"):
        with _step("Tables, queues"):
            import_module("functions._process").prepare()


def _build_company(file: Path, postgres_url: str) -> None:
    """By the names that the app will use in this process, too."""
    from shared.data import names

    names.use(names.read(settings.load_for_data().names))
    from local import company  # which loads the models

    today = datetime.now(UTC).date()
    company.build_sqlite(file, today)
    company.build_postgres(postgres_url, today)


def _greeter(options: Options, url: str, services: Services, held: State) -> Callable[[], None]:
    """What to call when the app serves; it works beside, since the app has to answer it."""
    places = {
        "API": f"{url}/api/docs",
        "Status": f"{url}/status",
        "Uptime": f"{url}/ops/uptime",
        "Azurite": ", ".join(map(str, services.azurite.ports)) + " (blobs, queues, tables)",
        "PostgreSQL": "database company; POSTGRES_URL in local.settings.json has the password",
        "SQLite": f"{held.shown}/company.db",
    }
    facts = {
        "pid": os.getpid(),
        "url": url,
        "state": str(held.folder),
        "storage": services.azurite.connection_string,
        "postgres": services.postgres.url("company"),
        "azurite_pid": services.azurite.process.pid,
    }

    def greet() -> None:
        status = welcome.wait_for(f"{url}/status")
        print(welcome.text(url, places, status, is_open=welcome.is_open(url)), flush=True)
        if options.ready_file:
            welcome.write_ready(options.ready_file, facts)

    return lambda: threading.Thread(target=greet, daemon=True).start()


@contextlib.contextmanager
def _step(name: str) -> Iterator[None]:
    print(f"  {name + ' ':.<16} ", end="", flush=True)
    begun = time.monotonic()
    try:
        yield
    except KeyboardInterrupt:
        print("stopped", flush=True)
        raise
    except BaseException:
        print("failed", flush=True)
        raise
    print(f"{time.monotonic() - begun:4.1f} s", flush=True)


def _port(name: str, default: int) -> int:
    text = os.environ.get(name) or str(default)
    if not text.isdigit() or int(text) > 65535:
        raise Misconfigured(f"{name} is {text!r}; use a number from 0 (any free port) to 65535")
    return int(text)


def _typed(path: Path) -> str:
    """As a person would type it in this folder."""
    here = Path.cwd()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _deaf() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _complain(text: str) -> None:
    print(f"\nBelfry did not start: {text}", file=sys.stderr, flush=True)
