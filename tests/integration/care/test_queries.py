"""Each query of the pet-care tasks is answered by an index."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Select

from shared.care import no_shows, reminders, reputation, vaccinations
from shared.care.rules.reminders import LEADS, Run
from shared.data.engines import Access, engine
from shared.data.models import Appointment, MessageRequest, Reputation
from shared.settings import Secret
from tests.integration.care.office import DAY, NOON
from tests.integration.data.conftest import is_sqlite
from tests.integration.data.test_pages import plan

TODAY = NOON.date()
Query = Select[*tuple[Any, ...]]


def paged(query: Query, order: tuple[Any, ...]) -> Query:
    return query.order_by(*order).limit(100)


QUERIES: dict[str, Query] = {
    **{
        lead.kind: paged(reminders.due(1, lead, Run(due_at=NOON, now=NOON)), reminders.ORDER)
        for lead in LEADS
    },
    **{
        f"outdated {n}": paged(query, vaccinations.ORDER)
        for n, query in enumerate(vaccinations.outdated(1, TODAY, 30))
    },
    **{
        f"expiring {n}": paged(query, vaccinations.ORDER)
        for n, query in enumerate(vaccinations.expiring(1, TODAY, 30, updated=False))
    },
    "missed": paged(no_shows.missed(1, NOON - DAY, NOON), no_shows.ORDER),
    "too old": no_shows.too_old(1, NOON),
    "uncollected": no_shows.uncollected(1),
    "marked": paged(
        reputation.marked(1, NOON - DAY, NOON), (Appointment.no_show_at, Appointment.id)
    ),
    "recovering": paged(reputation.recovering(1, TODAY), (Reputation.owner_id,)),
    "requested": Select(MessageRequest.id).where(
        MessageRequest.kind == "x", MessageRequest.occasion.in_(["1:1", "2:2"])
    ),
    "over": Select(MessageRequest.id).where(MessageRequest.over_at < NOON).limit(1000),
}


@pytest.mark.parametrize("name", QUERIES)
def test_each_query_is_answered_by_an_index(url: Secret, name: str) -> None:
    """No table is read whole, and no page is sorted that the index has in order."""
    with engine(url, Access.WRITE).begin() as connection:
        found = plan(connection, QUERIES[name], sqlite=is_sqlite(url))
    whole = [line for line in found if line.startswith("SCAN") or "Seq Scan" in line]
    assert whole == [], found
    sorts = [line for line in found if "TEMP B-TREE FOR ORDER" in line or "Sort Key" in line]
    assert name == "uncollected" or sorts == [], found
