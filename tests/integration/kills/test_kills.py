"""Each task is killed (kill -9) before each of its steps, and started again: in the end all is as
if it had not been killed.

There are two exceptions, since no provider of messages takes a key by which it could recognise a
repetition (`shared/notifications/sending.py`). Both are held here exactly:

- Killed when a message to an owner was taken, and not handed to Twilio: nobody can know that it was
  not sent. So that one message ends as `unknown`, is not sent, and administrators are told so.
- Killed when SendGrid had accepted a mail to an administrator, and that was not recorded: that one
  mail is sent twice.

Whatever is killed at any other step is sent once, made once at Stripe, and ends as the rest.
"""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Sequence
from copy import deepcopy

import pytest

from shared.alerts.model import AlertState
from shared.alerts.port import AlertKind
from tests.integration.care.office import Office
from tests.integration.kills.company import State
from tests.integration.kills.conftest import Founder
from tests.integration.kills.days import ANA_MAIL, DAYS, MAIL, TEXT
from tests.integration.kills.steps import END, answer_to

IN_THE_DATABASE = ("metrics_reset", "spend_guard", "no_show_detector", "reputation_updater")
"""What these do is done there, so they run on both. Of the others the outbox decides, which is on
the same storage in both cases."""
_MOST = 100
"""More steps than any of the tasks has."""


@pytest.mark.parametrize(
    ("empty", "task"),
    [*(("sqlite", task) for task in DAYS), *(("postgresql", task) for task in IN_THE_DATABASE)],
    indirect=["empty"],
)
def test_killed_before_each_step_a_task_ends_as_if_it_had_not_been(
    founder: Founder, task: str
) -> None:
    DAYS[task].fill(Office(founder.begin))
    undisturbed, steps = alone(founder, task)
    for number in range(1, _MOST):
        with founder.company(task) as company:
            code, reached, said = company.killed(number)
            if code == 0:
                assert reached == steps and number == len(steps) + 1, said
                return
            where = f"{task}, killed before step {number}, {reached[-2:]}"
            assert code == -signal.SIGKILL, f"{where}: {said}"
            assert reached == steps[:number], where
            company.goes_on()
            company.settles()
            assert_same(company.state(), undisturbed, reached, where)
            assert company.counted() >= company.state().texts.total(), where
    raise AssertionError(f"{task} has more than {_MOST} steps")


def alone(founder: Founder, task: str) -> tuple[State, list[str]]:
    """(how a company stands whose task nobody kills, the steps of the task)."""
    with founder.company(task) as company:
        code, steps, said = company.killed(0)
        assert code == 0, said
        assert not Counter(DAYS[task].steps) - Counter(steps) and steps[-1] == END, steps
        company.settles()
        found = company.state()
        assert company.counted() == found.texts.total()
        return found, steps


def assert_same(found: State, undisturbed: State, reached: Sequence[str], where: str) -> None:
    """`reached`: the steps, of which the last was not taken."""
    expected = deepcopy(undisturbed)
    last = reached[-2:]
    if last[-1] == TEXT:
        _one_is_unknown(found, expected, where)
    if answer_to(MAIL) in last:
        _one_is_twice(found, expected, where)
    assert differences(found, expected) == {}, where


def differences(found: State, expected: State) -> dict[str, tuple[object, object]]:
    """(found, expected) of each part in which they differ; each table is one."""
    parts = [{**vars(one), **one.rows, "rows": None} for one in (found, expected)]
    return {
        name: (part, parts[1][name]) for name, part in parts[0].items() if part != parts[1][name]
    }


def _one_is_unknown(found: State, expected: State, where: str) -> None:
    """Expect of one message, whichever, that it was not sent, and that administrators are told by
    an alert, which is one mail."""
    unknown = [key for key, (status, *_) in found.messages.items() if status == "unknown"]
    assert len(unknown) == 1, where
    status, *words, made = expected.messages[unknown[0]]
    assert status == "sent" and isinstance(made, tuple), where
    expected.messages[unknown[0]] = ("unknown", *words, None)
    expected.texts -= Counter([made])
    told = [key for key in found.messages if key.startswith(AlertKind.MESSAGE_UNKNOWN)]
    assert len(told) == 1, where
    status, subject, *_ = expected.messages[told[0]] = found.messages[told[0]]
    assert status == "sent", where
    expected.mails[ANA_MAIL, str(subject)] += 1
    expected.alerts[AlertKind.MESSAGE_UNKNOWN, ""] = (AlertState.OPEN, 1, 0, 1, None)


def _one_is_twice(found: State, expected: State, where: str) -> None:
    """Expect of one mail, whichever, that it was sent once more."""
    more = found.mails - expected.mails
    assert more.total() == 1, where
    expected.mails += more
