"""Whether owners agree to text messages."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from shared.data.database import writing
from shared.data.pages import pages
from shared.settings import Secret

_PAGE = 5_000
"""Rows of two columns."""


def set_opted_in(
    url: Secret, spellings: Collection[str], is_same: Callable[[str], bool], opted_in: bool
) -> int:
    """Note of the owners with one phone number, of all tenants, whether they agree; how many it
    changed.

    The database has numbers as they were typed. Those in one of `spellings` are found by the index
    of `phone`, and changed at once. Then all others are read, by pages, and those changed whose
    number `is_same`: with 200,000 owners that takes about a second. Raises as `writing`.
    """
    from sqlalchemy import select

    from shared.data.models import Owner

    changed = _change(url, Owner.phone.in_(sorted(spellings)), opted_in)
    others = select(Owner.phone).where(
        Owner.sms_opted_in.is_(not opted_in), Owner.phone.is_not(None)
    )
    for page in pages(url, others, (Owner.id,), size=_PAGE):
        if found := [id for phone, id in page if is_same(phone)]:
            changed += _change(url, Owner.id.in_(found), opted_in)
    return changed


def _change(url: Secret, which: Any, opted_in: bool) -> int:
    from sqlalchemy import update

    from shared.data.models import Owner

    change = update(Owner).where(which, Owner.sms_opted_in.is_(not opted_in))
    with writing(url) as session:
        done: Any = session.execute(
            change.values(sms_opted_in=opted_in),
            execution_options={"synchronize_session": False},
        )
        return int(done.rowcount)
