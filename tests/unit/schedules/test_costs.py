"""What runs and messages cost: the prices, and the sums by task, tenant, day and channel."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from shared.schedules.costs import By, Costs, Paid, Used
from shared.schedules.spent import CostKind, Spent, priced
from shared.settings import Prices

DAY = datetime(2026, 11, 1, 23, 30, tzinfo=UTC)
PRICES = Prices()
RUN = Used(
    task="reminders",
    due_at=DAY,
    spent=Spent(gb_seconds=2.5, table_requests=20, blob_requests=3),
)
TEXT = Paid(
    task="reminders",
    tenant_id=7,
    channel="sms",
    at=DAY + timedelta(hours=1),
    segments=2,
    currency="USD",
    micros=15_800,
    estimated=True,
)


def test_a_run_costs_compute_and_requests_by_the_prices() -> None:
    compute, storage = priced(RUN.spent, PRICES)
    *_, transfer = priced(Spent(transfer_bytes=2 * 10**9), PRICES)
    assert (transfer.kind, transfer.micros) == (CostKind.TRANSFER, 2 * PRICES.transfer_gb)
    assert (compute.kind, compute.micros) == (CostKind.COMPUTE, Decimal("65"))  # 2.5 x 26
    assert storage.micros == Decimal("15.72")  # 20 x 360 / 10,000 + 3 x 50,000 / 10,000
    assert all(one.micros == one.estimated_micros for one in (compute, storage))


def test_a_run_shorter_than_a_millionth_still_counts() -> None:
    (compute, _) = priced(Spent(gb_seconds=0.000001), PRICES)
    assert compute.micros == Decimal("0.000026")


@pytest.mark.parametrize(
    ("by", "jobs", "messages"),
    [
        (By.TASK, {"reminders": 1}, {"reminders": 1, None: 1}),
        (By.TENANT, {None: 1}, {"7": 1, None: 1}),
        (By.DAY, {"2026-11-01": 1}, {"2026-11-02": 2}),
        (By.CHANNEL, {None: 1}, {"sms": 1, "mail": 1}),
    ],
)
def test_each_sum_has_what_belongs_to_it(
    by: By, jobs: dict[str | None, int], messages: dict[str | None, int]
) -> None:
    made = Costs(by)
    made.count_job(RUN)
    made.count_message(TEXT)
    made.count_message(replace(TEXT, task="", tenant_id=None, channel="mail"))
    found = {bill.key: (bill.jobs, bill.messages) for bill in made.bills}
    expected = {key: (jobs.get(key, 0), messages.get(key, 0)) for key in jobs | messages}
    assert found == expected
    assert (made.whole.jobs, made.whole.messages, made.whole.segments) == (1, 2, 4)


def test_an_estimate_is_marked_until_the_provider_says_the_price() -> None:
    made = Costs(By.DAY)
    made.count_message(TEXT)
    made.count_message(replace(TEXT, micros=16_000, estimated=False))
    made.count_message(replace(TEXT, micros=None))
    made.count_message(replace(TEXT, micros=9, currency="EUR"))
    euros, dollars = made.whole.costs(PRICES)
    assert dollars.micros == 31_800 and dollars.estimated_micros == 15_800
    assert euros.currency == "EUR" and euros.micros == 9
    assert made.whole.unpriced == 1
