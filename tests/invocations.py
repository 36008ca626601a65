"""An invocation, as the worker hands it to a function, and the log that it sends to the host."""

from __future__ import annotations

import logging
import threading
from typing import Any

from azure_functions_runtime.bindings.context import Context

ID = "8d2c4f8e-0d3b-4f0c-9a55-0f6f2b8f6a11"


def invocation(storage: threading.local | None = None, id: str = ID) -> Any:
    """A `func.Context`; `storage` is where the worker looks for the id of a line's invocation."""
    return Context("function", "/", id, storage or threading.local(), None, None)


class Sent(logging.Handler):
    """Lines with the invocation that the worker finds for each: the host drops those with None.

    What the worker does (`get_current_invocation_id` of azure_functions_worker/dispatcher.py), for
    threads without an event loop.
    """

    def __init__(self, storage: threading.local) -> None:
        super().__init__()
        self.storage = storage
        self.lines: list[tuple[str, str | None]] = []

    def emit(self, record: logging.LogRecord) -> None:
        found = getattr(self.storage, "invocation_id", None)
        self.lines.append((record.getMessage(), found))
