"""`make start` on a demo company of the first versions: it is upgraded, and goes on."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import func, select

from local import company
from shared.data.database import reading
from shared.data.engines import parsed
from shared.data.models import Appointment, Cost, Pet, Tenant, User
from shared.settings import Secret
from tests.company import TODAY, contents
from tests.integration.data.conftest import is_sqlite
from tests.integration.data.old_demo import ROWS


def build(url: Secret, today: date = TODAY) -> None:
    if is_sqlite(url):
        company.build_sqlite(Path(str(parsed(url).database)), today)
    else:
        company.build_postgres(url.reveal(), today)


def test_an_old_company_goes_on_with_what_it_has(old: Secret) -> None:
    """Of the demo's tenants and pets, it has but two: nothing refers to the others."""
    build(old)
    with reading(old) as session:
        tenants = select(Tenant.id, Tenant.name, Tenant.timezone).order_by(Tenant.id)
        assert session.execute(tenants).all() == [
            (1, "Pfötchen & Co.", "Europe/Berlin"),
            (2, "Mine", "America/New_York"),
        ]
        users = select(User.id, User.tenant_id, User.email, User.role).order_by(User.id)
        assert session.execute(users).all() == ROWS["users"]
        assert session.execute(select(func.count()).select_from(Pet)).scalar() == 2
        ahead = select(func.max(Cost.day))
        assert session.execute(ahead).scalar() == TODAY + timedelta(days=60)
        kept = select(Appointment.id).where(Appointment.id <= 3).order_by(Appointment.id)
        assert session.execute(kept).scalars().all() == [1, 2, 3]
    before = contents(old)
    build(old)
    assert contents(old) == before
