"""What a command changes, told to the audit, where the app itself is not built."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext, suppress

from shared.audit.port import Action, Changing, Subject
from shared.errors import Refused, Unavailable
from shared.settings import StorageAccount


def audited(
    storage: StorageAccount | None, prefix: str, action: Action, subject: Subject
) -> AbstractContextManager[Changing]:
    """Tells the audit who makes a change, if this shell has a storage account. If that does not
    answer, the change is made all the same, and the log says so: the company's database must be
    within reach while it is away."""
    if storage is None:
        return nullcontext(Changing())
    from shared.audit.recording import Recorder
    from shared.cli.person import person
    from shared.clock import SystemClock
    from shared.storage.connect import Connection
    from shared.storage.failures import translated
    from shared.storage.names import Names

    connection, name = Connection(storage), Names(prefix).audit
    with suppress(Unavailable, Refused), translated("table storage"):
        connection.create_table(name)  # if that fails, the recorder says so
    recorder = Recorder(connection.table(name), SystemClock())
    return recorder.changing(person(), action, subject, even_if_away=True)
