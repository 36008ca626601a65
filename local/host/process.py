"""What whoever starts the host needs of it: a port of its own, and a command.

Without the host itself, whose imports take longer than all else that `local.start` does.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path

from local.host.settings import CannotStart


def listen(port: int) -> socket.socket:
    """A socket that is bound, so that the port is ours before anything else starts."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
    except OSError as error:
        listening.close()
        raise CannotStart(f"port {port} cannot be used: {error.strerror}") from None
    return listening


def command(folder: Path, port: int, state: Path) -> list[str]:
    """How this host is started as a process of its own."""
    arguments = [str(folder), "--port", str(port), "--state", str(state)]
    return [sys.executable, "-m", "local.host", *arguments]
