"""A process that sends two messages to owners under a cap, and is killed before its n-th write to
storage.

python -m tests.integration.notifications.dying CONNECTION_STRING PREFIX PROVIDER_URL CAP N
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from datetime import timedelta
from typing import Any

from azure.core.pipeline.transport import RequestsTransport

from shared.clock import ManualClock
from shared.notifications.outbox import Outbox
from shared.notifications.service import Notifications
from shared.settings import Secret, StorageAccount
from shared.storage.connect import Connection
from shared.storage.names import Names
from tests.integration.notifications.conftest import START
from tests.integration.notifications.texting import FREE, Clinic, Texts, message


class Dying(RequestsTransport):  # type: ignore[misc]
    """Kills the process before the write of that number."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.left = number

    def send(self, request: Any, **options: Any) -> Any:
        if request.url.endswith("$batch"):
            if not self.left:
                os.kill(os.getpid(), signal.SIGKILL)
            self.left -= 1
        return super().send(request, **options)


def main(connection_string: str, prefix: str, url: str, cap: str, number: str) -> None:
    """Send them."""
    account = StorageAccount(connection_string=Secret(connection_string))
    outbox = Outbox(Connection(account, Dying(int(number))), Names(prefix).notifications)
    one = Notifications(
        outbox,
        {"sms": Texts(url)},
        lambda: (),
        ManualClock(START),
        sms=replace(FREE, daily_limit=int(cap)),
        reviews=Clinic().reviews(),
    )
    one.send([message(n, START + timedelta(days=1)) for n in range(2)])


if __name__ == "__main__":
    main(*sys.argv[1:])
