"""Who runs a command, for the audit."""

from __future__ import annotations

import getpass
import socket

from shared.access import LOCAL, Caller


def person() -> Caller:
    """The user of this machine, as the audit names them."""
    try:
        name = f"user:{getpass.getuser()}"
    except (KeyError, OSError, ImportError):  # a container may run as a user without a name
        name = LOCAL.name
    return Caller(name=name, role=LOCAL.role, address=socket.gethostname())
