"""The demo company: the same rows in both databases, however often it is built."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from local import company
from local.company import rows
from local.postgres import Postgres
from shared.data.database import reading, writing
from shared.data.models import Partner, Tenant
from shared.errors import Conflict
from shared.settings import Secret
from tests.company import TODAY, at, contents


def test_both_databases_hold_the_same_company(tmp_path: Path, postgres: Postgres) -> None:
    file, url = tmp_path / "company.db", postgres.url("same_company")
    for today in (TODAY, TODAY, TODAY + timedelta(days=40)):
        company.build_sqlite(file, today)
        company.build_postgres(url, today)
        assert contents(at(file)) == contents(Secret(url))


def test_postgresql_numbers_new_rows_after_those_of_the_demo(postgres: Postgres) -> None:
    url = postgres.url("numbered_company")
    company.build_postgres(url, TODAY)
    with writing(Secret(url)) as session:
        session.add(Partner(name="One more", email=None))
        session.flush()
        assert session.scalars(select(Partner.id).order_by(Partner.id.desc())).first() == 4


def test_an_interrupted_build_is_done_again(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres.url("interrupted")
    with monkeypatch.context() as patch:
        patch.setattr(rows, "later", lambda: {"partners": [{"id": 1, "name": None}]})
        with pytest.raises(Conflict, match="partners"):
            company.build_postgres(url, TODAY)
    with reading(Secret(url)) as session:
        assert session.execute(select(Tenant.id)).all() == []
    company.build_postgres(url, TODAY)
    assert len(contents(Secret(url))["partners"]) == 3
