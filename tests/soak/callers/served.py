"""A host's API, over HTTP on a port of its own: killed with the host, whatever it is answering."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import Receive, Scope, Send

from local.ports import HOST
from shared.api import idempotency
from shared.api.app import api
from shared.app import App
from tests.soak.pace import SPEED, Pace

_PATIENCE: timedelta = idempotency._PATIENCE


def serve(
    app: App, pace: Pace, folder: Path, place: int, safe: Callable[[Callable[[], Any]], Any]
) -> None:
    """Answer, for good. `safe` calls what may fail."""
    patched: Any = idempotency
    patched._PATIENCE = _PATIENCE * pace.factor / SPEED
    made = api(lambda: app)

    async def answered(scope: Scope, receive: Receive, send: Send) -> None:
        """As the function `api` does: what the request told the audit is chained."""
        await made(scope, receive, send)
        await asyncio.to_thread(safe, app.audit.settle)

    listening = socket.socket()
    listening.bind((HOST, 0))
    _tell(folder, place, listening.getsockname()[1])
    config = uvicorn.Config(answered, lifespan="off", log_config=None, access_log=False)
    uvicorn.Server(config).run(sockets=[listening])


def url(folder: Path, place: int) -> str | None:
    """Where the host of that place answers, or did before it was killed; None: it never did."""
    try:
        return f"http://{HOST}:{_file(folder, place).read_text()}"
    except FileNotFoundError:
        return None


def _tell(folder: Path, place: int, port: int) -> None:
    new = _file(folder, place).with_suffix(".new")
    new.write_text(str(port))
    new.rename(_file(folder, place))


def _file(folder: Path, place: int) -> Path:
    return folder / f"api{place}"
