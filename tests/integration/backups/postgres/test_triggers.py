"""Event triggers of a database: what they do when somebody connects is not done by our connections,
and what they do to definitions is not done while those are restored."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from local.postgres import Postgres
from shared.backups.model import differences
from shared.backups.postgres.source import PostgresSource
from shared.backups.source import Target
from shared.settings import Secret
from tests.context import job_of
from tests.integration.backups.postgres.setup import changed, column, dumped, made, pieces, proved

WRITES = (
    "CREATE TABLE logins (n int)",
    "INSERT INTO logins VALUES (0)",
    "CREATE FUNCTION note() RETURNS event_trigger LANGUAGE plpgsql AS"
    " 'BEGIN INSERT INTO public.logins VALUES (1); END'",
    "CREATE EVENT TRIGGER noted ON login EXECUTE FUNCTION note()",
    "ALTER EVENT TRIGGER noted ENABLE ALWAYS",
)
FORBIDS = (
    "CREATE TABLE pets AS SELECT 1 AS n",
    "CREATE MATERIALIZED VIEW seen AS SELECT * FROM pets",
    "CREATE FUNCTION forbid() RETURNS event_trigger LANGUAGE plpgsql AS"
    " $$ BEGIN RAISE EXCEPTION 'no changes'; END $$",
    "CREATE EVENT TRIGGER a_first ON ddl_command_end EXECUTE FUNCTION forbid()",
)
LOGINS = "SELECT count(*) FROM logins"


def test_a_trigger_on_login_is_not_fired_where_it_was_restored(postgres: Postgres) -> None:
    url = made(postgres, *WRITES)
    source = PostgresSource(Secret(url))
    data, dump = dumped(source)
    assert differences(dump.contents, source.prove(pieces(data), job_of())) == ""
    done = source.restore(pieces(data), Target(), job_of())
    assert differences(dump.contents, done.contents) == ""
    before = dump.contents.tables["public.logins"]
    copy = changed(url, dbname=done.name, options="-c event_triggers=off")
    assert column(copy, LOGINS) == [str(before)]


def test_at_the_source_it_fires_once_until_the_server_is_known(postgres: Postgres) -> None:
    url = made(postgres, *WRITES)
    quietly = changed(url, options="-c event_triggers=off")
    (before,) = column(quietly, LOGINS)
    source = PostgresSource(Secret(url))
    for _ in range(2):
        data, _ = dumped(source)
        source.prove(pieces(data), job_of())
    assert column(quietly, LOGINS) == [str(int(before) + 2)], "once for it, once for its scratch"


def test_a_trigger_that_forbids_changes_keeps_nothing_from_coming_back(postgres: Postgres) -> None:
    url = made(postgres, *FORBIDS)
    source = PostgresSource(Secret(url))
    data, dump = dumped(source)
    done = source.restore(pieces(data), Target(), job_of())
    assert differences(dump.contents, done.contents) == ""
    assert differences(dump.contents, source.prove(pieces(data), job_of())) == ""


def test_options_of_the_url_hold_as_well(postgres: Postgres) -> None:
    url = made(postgres, *WRITES)
    source = PostgresSource(Secret(changed(url, options="-c work_mem=7MB")))
    data, dump = dumped(source)
    assert differences(dump.contents, source.prove(pieces(data), job_of())) == ""


def test_a_pooler_that_takes_no_options_is_connected_through_all_the_same(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = psycopg.connect

    def pooled(*given: Any, **more: Any) -> Any:
        if "options" in more:
            raise psycopg.OperationalError("unsupported startup parameter in options")
        return connect(*given, **more)

    url = made(postgres, "CREATE TABLE pets AS SELECT 1 AS n")
    monkeypatch.setattr(psycopg, "connect", pooled)
    assert proved(PostgresSource(Secret(url))).contents.tables == {"public.pets": 1}
