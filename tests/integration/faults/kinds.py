"""The kinds of fault that every operation meets."""

from __future__ import annotations

import pytest

from tests.faults import Cut, Fault, LoseAnswer, Refuse, Reset, Throttle

_INNER = (
    b"--batch_1\r\nContent-Type: multipart/mixed; boundary=changes_1\r\n\r\n"
    b"--changes_1\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n\r\n"
    b'{"odata.error":{"code":"ServerBusy","message":{"lang":"en-US","value":"0:busy"}}}\r\n'
    b"--changes_1--\r\n--batch_1--\r\n"
)
INNER_BUSY = Refuse(
    202, "Accepted", headers={"Content-Type": "multipart/mixed; boundary=batch_1"}, body=_INNER
)
"""What a transaction is told that was accepted and then throttled."""

KINDS: dict[str, Fault] = {
    "throttled": Throttle(),
    "throttled for long": Throttle(retry_after=60),
    "busy": Refuse(503, "ServerBusy"),
    "told that it failed after the work": Refuse(500, when="after"),
    "timed out after the work": Refuse(500, "OperationTimedOut", when="after"),
    "answer lost": LoseAnswer(),
    "no answer": LoseAnswer(hang=True),
    "reset before": Reset("before"),
    "reset after": Reset("after"),
    "head cut": Cut(0.1),
    "answer cut": Cut(0.6),
}

every_kind = pytest.mark.parametrize("fault", KINDS.values(), ids=KINDS.keys())
some_kinds = pytest.mark.parametrize(
    "fault",
    [KINDS["answer lost"], KINDS["answer cut"], KINDS["busy"], KINDS["reset before"]],
    ids=["answer lost", "answer cut", "busy", "reset before"],
)
