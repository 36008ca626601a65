"""The worker: loads the app and invokes its functions, through Microsoft's library.

One app to a process, since the library and the app's own modules are global to it. Functions that
are not `async` run in the library's thread pool, sized by PYTHON_THREADPOOL_THREAD_COUNT.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import azure_functions_runtime as runtime

from local.host import protos
from local.host.protos import TypedData
from local.host.settings import CannotStart

logger = logging.getLogger("host")


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the app, as its decorators describe it."""

    name: str
    id: str
    bindings: tuple[Mapping[str, Any], ...]

    @property
    def triggers(self) -> list[Mapping[str, Any]]:
        """Its trigger; a list, since an app may get that wrong."""
        return [one for one in self.bindings if str(one["type"]).endswith("Trigger")]

    @property
    def trigger(self) -> Mapping[str, Any]:
        return self.triggers[0]

    @property
    def kind(self) -> str:
        """`httpTrigger`, `timerTrigger`, `queueTrigger`."""
        return str(self.trigger["type"])


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an invocation ended."""

    succeeded: bool
    value: TypedData | None = None


class Invoker(Protocol):
    """What runs functions: a `Worker`, or one in another process (`apart`)."""

    running: int
    """Invocations that have not ended."""

    async def load(self, folder: Path) -> list[Function]:
        """Index the app. Raises `CannotStart` with what the app's own code raised."""

    async def invoke(
        self, function: Function, data: TypedData, metadata: Mapping[str, TypedData] | None = None
    ) -> Outcome:
        """Run the function on `data`; a failure is logged, and is the outcome, not an exception."""


class Worker:
    """The functions of the app in one folder."""

    def __init__(
        self, timeout: timedelta | None, on_timeout: Callable[[str], None] = lambda _name: None
    ) -> None:
        self._timeout = timeout.total_seconds() if timeout else None
        self._on_timeout = on_timeout
        self.running = 0
        """Invocations that have not ended."""

    async def load(self, folder: Path) -> list[Function]:
        """Index the app. Raises `CannotStart` with what the app's own code raised."""
        if not (folder / "function_app.py").exists():
            raise CannotStart(f"there is no function_app.py in {folder}")
        os.chdir(folder)
        if sys.path[0] != str(folder):
            sys.path.insert(0, str(folder))
        request = protos.WorkerInitRequest(function_app_directory=str(folder))
        started = await runtime.worker_init_request(
            _envelope(protos.StreamingMessage(worker_init_request=request))
        )
        if started.result.status != protos.StatusResult.Success:
            raise CannotStart(f"the app cannot be loaded.\n{_explained(started.result)}")
        answer = await runtime.functions_metadata_request(_envelope(protos.StreamingMessage()))
        runtime.start_threadpool_executor()
        return [
            Function(one.name, one.function_id, tuple(map(json.loads, one.raw_bindings)))
            for one in answer.function_metadata_results or []
        ]

    async def invoke(
        self, function: Function, data: TypedData, metadata: Mapping[str, TypedData] | None = None
    ) -> Outcome:
        """Run the function on `data`; a failure is logged, and is the outcome, not an exception."""
        request = protos.InvocationRequest(
            invocation_id=str(uuid.uuid4()),
            function_id=function.id,
            input_data=[protos.ParameterBinding(function.trigger["name"], data)],
            trigger_metadata=metadata or {},
        )
        begun = time.monotonic()
        self.running += 1
        try:
            answer = await self._within_timeout(function, request)
        finally:
            self.running -= 1
        succeeded = bool(answer.result.status == protos.StatusResult.Success)
        _log(function, succeeded, time.monotonic() - begun, answer.result)
        return Outcome(succeeded, answer.return_value)

    async def _within_timeout(
        self, function: Function, request: protos.InvocationRequest
    ) -> protos.InvocationResponse:
        call = asyncio.ensure_future(
            runtime.invocation_request(
                _envelope(protos.StreamingMessage(invocation_request=request))
            )
        )
        done, _ = await asyncio.wait({call}, timeout=self._timeout)
        if not done:
            self._on_timeout(function.name)
        answer: protos.InvocationResponse = await call
        return answer


def _envelope(message: protos.StreamingMessage) -> protos.Envelope:
    return protos.Envelope(message, {"protos": protos, "host": "127.0.0.1"})


def _explained(result: protos.StatusResult) -> str:
    exception = result.exception or protos.RpcException()
    return (exception.stack_trace or exception.message).rstrip()


def _log(function: Function, succeeded: bool, seconds: float, result: protos.StatusResult) -> None:
    if not succeeded:
        logger.error("%s failed after %.3f s\n%s", function.name, seconds, _explained(result))
    elif function.kind != "httpTrigger":
        logger.info("%s succeeded in %.3f s", function.name, seconds)
