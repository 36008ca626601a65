"""The worker's process (`apart`): `python -IS alone.py DESCRIPTOR LIBRARY`.

It gets three things besides the standard library: the app's folder, the app's packages, and, each
by its own path, Microsoft's library and the few modules of this host that call it. So the app can
import none of this project but what is in its folder, and no package that it did not bring.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import os
import pickle
import socket
import struct
import sys
import types
from datetime import timedelta
from pathlib import Path
from typing import Any

_LENGTH = struct.Struct(">I")
_MODULES = ("protos", "settings", "worker")
"""Of this host, in the order in which they import each other."""


def send(writer: asyncio.StreamWriter, message: tuple[Any, ...]) -> None:
    """Send a message to the other process."""
    data = pickle.dumps(message)
    writer.write(_LENGTH.pack(len(data)) + data)


async def receive(reader: asyncio.StreamReader) -> Any:
    """The next message; None when the other process has ended."""
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        return pickle.loads(await reader.readexactly(length))  # noqa: S301 (from our own process)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


class _Serving:
    """What the host asks for, done on the app of one folder."""

    def __init__(self, writer: asyncio.StreamWriter, library: Path) -> None:
        self._writer = writer
        self._library = library
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, number: int, kind: str, *arguments: Any) -> None:
        """Answer one request, in its own time."""
        call = self._load if kind == "load" else self._invoke
        task = asyncio.create_task(self._answer(number, call(*arguments)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, number: int, call: Any) -> None:
        try:
            send(self._writer, (number, "done", await call))
        except Exception as error:  # whatever it is, the host tells it
            send(self._writer, (number, "failed", str(error) or repr(error)))

    async def _load(self, folder: Path, packages: Path, timeout: timedelta | None) -> Any:
        sys.path.append(str(packages))
        _load("azure_functions_runtime", self._library / "__init__.py")
        _load_host()
        worker: Any = sys.modules["local.host.worker"]
        self._worker = worker.Worker(timeout, self._late)
        return await self._worker.load(folder)

    async def _invoke(self, *arguments: Any) -> Any:
        return await self._worker.invoke(*arguments)

    def _late(self, name: str) -> None:
        send(self._writer, (0, "late", name))


def _load_host() -> None:
    """The modules by which the library is called, in packages that have no other modules."""
    for name in ("local", "local.host"):
        package = types.ModuleType(name)
        package.__path__ = []
        sys.modules[name] = package
    for name in _MODULES:
        module = _load(f"local.host.{name}", Path(__file__).with_name(f"{name}.py"))
        setattr(sys.modules["local.host"], name, module)


def _load(name: str, file: Path) -> types.ModuleType:
    folders = [str(file.parent)] if file.name == "__init__.py" else None
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=folders)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _log_to_stdout() -> None:
    """As the host does: everything from INFO on, but of the SDKs only warnings."""
    words = "[%(asctime)s] %(levelname)-7s %(name)s: %(message)s"
    logging.basicConfig(level=logging.INFO, format=words, stream=sys.stdout)
    for noisy in ("azure", "msal", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


async def _main(descriptor: int, library: Path) -> None:
    reader, writer = await asyncio.open_connection(sock=socket.socket(fileno=descriptor))
    serving = _Serving(writer, library)
    while (message := await receive(reader)) is not None:
        serving.start(*message)


if __name__ == "__main__":
    _log_to_stdout()
    os.set_inheritable(int(sys.argv[1]), False)
    asyncio.run(_main(int(sys.argv[1]), Path(sys.argv[2])))
