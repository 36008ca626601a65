"""Killed with -9 between any two steps and started again: one item, one invoice, all paused."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from shared.data.models import FeeStatus
from tests.forked import Commands, Started
from tests.integration.billing.conftest import Company
from tests.vendors.stripe import Fault

CALLS = ["invoices$", "invoiceitems", "finalize"]


Start = Callable[..., Started]


@pytest.fixture
def start(commands: Commands) -> Start:
    """A process that does that act, of a company."""

    def call(company: Company, act: str, commit: int = 0) -> Started:
        words = (company.url.reveal(), company.stripe.url, act, str(commit))
        return commands.start(words, {}, "tests.integration.billing.killed")

    return call


def ended(process: Started) -> int:
    """Its exit code, once it has ended."""
    done = process.wait()
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode


def killed_at_call(company: Company, start: Start, act: str, path: str, *, done: bool) -> None:
    """Kill the process as its call arrives, before or after the work is done."""
    company.stripe.now = lambda: datetime.now(UTC)
    process: list[Started] = []

    def kill() -> None:
        ending = os.pidfd_open(process[0].pid)
        os.kill(process[0].pid, signal.SIGKILL)
        assert select.select([ending], [], [], 60)[0]
        os.close(ending)

    company.stripe.faults.append(Fault(path, done=done, action=kill))
    with company.stripe.lock:  # no call is answered before the process is known
        process.append(start(company, act))
    assert ended(process[0]) == -signal.SIGKILL


def invoiced_once(company: Company, fee_id: int) -> None:
    fee = company.fee(fee_id)
    assert fee.status is FeeStatus.INVOICED
    assert company.stripe.amounts("open") == [2500]
    assert (len(company.stripe.invoices), len(company.stripe.items)) == (1, 1)
    assert (fee.stripe_invoice_id, fee.stripe_item_id) == (
        next(iter(company.stripe.invoices)),
        next(iter(company.stripe.items)),
    )


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("path", CALLS)
@pytest.mark.parametrize("hours", [0, 30], ids=["at once", "when the key is forgotten"])
def test_killed_at_a_call(
    company: Company, start: Start, path: str, done: bool, hours: int
) -> None:
    (fee_id,) = company.owe(2500)
    killed_at_call(company, start, "collect", path, done=done)
    company.stripe.now = lambda: datetime.now(UTC) + timedelta(hours=hours)
    assert ended(start(company, "collect")) == 0
    invoiced_once(company, fee_id)


@pytest.mark.parametrize("commit", range(1, 7))
def test_killed_before_a_commit(company: Company, start: Start, commit: int) -> None:
    """Reading commits nothing that counts, so some of these are between the same two writes."""
    company.stripe.now = lambda: datetime.now(UTC)
    (fee_id,) = company.owe(2500)
    assert ended(start(company, "collect", commit)) == -signal.SIGKILL
    assert ended(start(company, "collect")) == 0
    invoiced_once(company, fee_id)


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_killed_while_it_pauses(company: Company, start: Start, done: bool) -> None:
    """Belfry's own switch is set by then; the tenant is asked for again when the claim ends."""
    tenants = company.subscribe("sub_a", "sub_b")
    killed_at_call(company, start, "pause", "sub_b", done=done)
    assert company.another().is_paused()
    assert [company.states()[one] for one in tenants] == ["paused", "pausing"]
    company.clock.set(datetime.now(UTC) + timedelta(minutes=4))
    did = company.another().settle(company.job)
    assert (did.paused, did.left) == (1, 0)
    assert company.paused_at_stripe() == ["sub_a", "sub_b"]
    assert set(company.states().values()) == {"paused"}
