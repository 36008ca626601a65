"""Rows of the outbox that somebody changed by hand: each stops itself alone (P9)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from shared.notifications.model import NotificationStatus as Status
from shared.notifications.rows import PARTITION, notification_key
from shared.storage.tables.batch import Merge
from tests.integration.notifications.conftest import START, Office
from tests.integration.notifications.texting import (
    Clinic,
    Provider,
    message,
    phone,
    provider,
    texting,
)

MINUTE = timedelta(minutes=1)
UNTIL = START + timedelta(days=1)


@pytest.fixture
def served() -> Iterator[Provider]:
    with provider() as running:
        yield running


WRONG = [
    {"attempts": "2"},
    {"attempts": ""},
    {"lookups": "1"},
    {"segments": "1"},
    {"text": 7},
    {"subject": 7},
    {"error": 7},
    {"address": 7},
    {"channel": 7},
    {"key": 7},
    {"holder": 7},
    {"kind": 7},
    {"recipient": 7},
    {"next_at": "2026-11-21T03:00:00"},
    {"next_at": "2026-11-21T02:00:00+00:00"},
    {"next_at": "2026-11-21T03:00:30+00:00"},
    {"next_at": 7},
    {"useful_until": "2026-11-22T03:00:00"},
    {"created_at": "2026-11-21"},
    {"claimed_at": "2026-11-21"},
    {"sent_at": "2026-11-21T03:00:00"},
    {"about": "[1]"},
    {"about": "7"},
    {"about": "null"},
    {"about": '{"owner": "x"}'},
    {"about": '{"owner": 1e999}'},
    {"status": "sending"},
    {"status": "unsettled"},
    {"status": "sent"},
    {"tenant_id": "x"},
    {"tenant_id": ""},
    {"owner_id": ""},
    {"cost_estimated": "no"},
    {"cost_currency": 7},
    {"provider_id": 7},
    {"task": 7},
]


@pytest.mark.parametrize("change", WRONG, ids=str)
def test_a_row_that_somebody_changed_stops_no_other(
    office: Office, served: Provider, change: dict[str, object]
) -> None:
    clinic = Clinic(away=True)
    bad, good = texting(office, served, clinic).send([message(1, UNTIL), message(2, UNTIL)])
    assert served.accepted == []
    clinic.away = False
    key = notification_key(bad.id)
    office.table().transact(PARTITION, [Merge(key, "*", change)])
    for _ in range(3):
        texting(office, served, clinic).flush(office.clock.advance(20 * MINUTE))
    assert office.outbox().get(good.id).status is Status.SENT
    assert served.counted()[phone(2)] == 1 and served.counted()[phone(1)] <= 1


@pytest.mark.parametrize(
    "dropped", [{}, {1: "the appointment is cancelled"}], ids=["due", "dropped"]
)
@pytest.mark.parametrize("status", ["queued", "unsettled"])
def test_a_row_that_says_another_time_than_its_due_row_stops_no_other(
    office: Office, served: Provider, status: str, dropped: dict[int, str]
) -> None:
    clinic = Clinic(away=True, dropped=dropped)
    bad, good = texting(office, served, clinic).send([message(1, UNTIL), message(2, UNTIL)])
    clinic.away = False
    change = {"next_at": "2026-11-21T02:00:00+00:00", "status": status}
    office.table().transact(PARTITION, [Merge(notification_key(bad.id), "*", change)])
    texting(office, served, clinic).flush(office.clock.advance(20 * MINUTE))
    assert office.outbox().get(good.id).status is Status.SENT
