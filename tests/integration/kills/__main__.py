"""A process that runs a task once, and is killed at a step of it.

python -m tests.integration.kills TASK DUE_AT STEP FILE

The settings are its environment. STEP 0: it is not killed. FILE gets the steps (`Steps`). It ends
by itself after a minute, with the stack of each thread, so that no test waits for ever.
"""

from __future__ import annotations

import faulthandler
import os
import re
import sys
from datetime import datetime
from pathlib import Path

from tests.clocks import HastyClock
from tests.integration.kills.company import app_of, job_of
from tests.integration.kills.steps import END, Steps, watch

_LONGEST = 60
"""Seconds."""


def main(name: str, due_at: str, fatal: str, told: str) -> None:
    faulthandler.dump_traceback_later(_LONGEST, exit=True)
    now = datetime.fromisoformat(due_at)
    app = app_of(os.environ, name, HastyClock(now))
    task = app.registry.get(name)
    ports = map(int, re.findall(r":(\d+)/", app.settings.storage.connection_string.reveal()))
    steps = Steps(int(fatal), Path(told))
    watch(steps, frozenset(ports))
    app.executor.rehearse(task, task.params(), job_of(app, now))
    steps.reach(END)
    steps.tell()


main(*sys.argv[1:])
