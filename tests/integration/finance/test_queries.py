"""Each query of the finances is answered by an index, in both databases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Select, func, select

from shared.data.engines import Access, engine
from shared.data.models import UsageDay
from shared.finance import sums, usage
from shared.settings import Secret
from tests.integration.data.conftest import is_sqlite
from tests.integration.data.test_pages import plan
from tests.integration.finance.setup import TODAY, ago

Query = Select[*tuple[Any, ...]]

QUERIES: dict[str, Callable[[], Query]] = {
    "costs of a report": lambda: sums.costs(TODAY),
    "revenues of a report": lambda: sums.revenues(TODAY),
    "commissions of a report": lambda: sums.commissions(TODAY),
    "spend": lambda: sums.spend((ago(1), TODAY)),
    "days to close": lambda: usage.over(1, TODAY).order_by(UsageDay.day, UsageDay.id).limit(500),
    "days that are shown": lambda: (
        select(UsageDay.value)
        .where(*usage.wanted(1, ago(9), TODAY))
        .order_by(UsageDay.counter, UsageDay.day)
        .limit(50)
    ),
    "days that are counted": lambda: select(func.count(UsageDay.id)).where(
        *usage.wanted(1, ago(9), TODAY)
    ),
}


@pytest.mark.parametrize("query", QUERIES)
def test_by_an_index(url: Secret, query: str) -> None:
    """No table is read whole, and no page is sorted that the index has in order."""
    with engine(url, Access.WRITE).begin() as connection:
        found = plan(connection, QUERIES[query](), sqlite=is_sqlite(url))
    whole = [line for line in found if line.startswith("SCAN") or "Seq Scan" in line]
    assert whole == [], found
    sorts = [line for line in found if "TEMP B-TREE FOR ORDER" in line or "Sort Key" in line]
    assert sorts == [] or "GROUP BY" in str(QUERIES[query]()), found
