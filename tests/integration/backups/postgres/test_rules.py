"""Data that breaks its own rules: the dump is right, which is told from damage, once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local.postgres import Postgres
from shared.backups.jobs.restore import restore, verify
from shared.backups.model import differences
from shared.backups.params import RestoreOrder, VerifyOrder
from shared.backups.postgres.broken_rules import Lifted
from shared.backups.postgres.source import PostgresSource
from shared.backups.source import Contents, Target
from shared.errors import Damaged, Invalid, Refused, Unprovable
from shared.settings import Secret
from tests.context import job_of
from tests.integration.backups.conftest import scratch_databases
from tests.integration.backups.faults.world import DAY, job
from tests.integration.backups.postgres.rules_cases import (
    CASES,
    IN_THE_DATABASE,
    ORPHAN,
    OWNER,
    Case,
)
from tests.integration.backups.postgres.setup import changed, column, dumped, execute, made, pieces
from tests.integration.backups.setup import PRIMARY, Given, Shelf


@pytest.mark.parametrize("name", IN_THE_DATABASE)
def test_what_no_proof_can_leave_out_is_told_from_damage_too(either: Postgres, name: str) -> None:
    statements, said = IN_THE_DATABASE[name]
    source = PostgresSource(Secret(made(either, "SET allow_system_table_mods = on", *statements)))
    data, _ = dumped(source)
    with pytest.raises(Unprovable, match=f"{said}.*; no proof can leave that out: .*database$"):
        source.prove(pieces(data), job_of())
    assert scratch_databases(either) == []


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


def test_it_is_told_from_damage_and_may_be_left_out(either: Postgres, case: Case) -> None:
    url = made(either, "SET allow_system_table_mods = on", *case.statements)
    source = PostgresSource(Secret(url))
    data, dump = dumped(source)
    assert case.rule in dump.contents.schema
    with pytest.raises(Unprovable, match=case.said) as raised:
        source.prove(pieces(data), job_of())
    said = str(raised.value)
    assert f"its data breaks its own rules: {case.rule}: " in said
    assert f'"without": [{json.dumps(case.rule)}]' in said
    again = PostgresSource(Secret(url), without=(case.rule,))
    restored = again.prove(pieces(data), job_of())
    assert differences(dump.contents, restored) == ""
    assert (case.rule in restored.without) == case.left
    made_again = again.restore(pieces(data), Target(), job_of())
    assert made_again.contents == restored
    assert scratch_databases(either) == []


def test_several_are_named_at_once(postgres: Postgres) -> None:
    more = 'ALTER TABLE "odd pets" ADD CONSTRAINT other FOREIGN KEY (owner) REFERENCES owners'
    url = made(postgres, *ORPHAN[:-1], more, ORPHAN[-1])
    data, _ = dumped(PostgresSource(Secret(url)))
    other = "constraint public.odd pets.other"
    with pytest.raises(Unprovable) as raised:
        PostgresSource(Secret(url), without=(other,)).prove(pieces(data), job_of())
    assert f"{OWNER}: insert or update" in str(raised.value)
    assert f'"without": ["{other}", "{OWNER}"]' in str(raised.value)


def test_what_depends_on_a_rule_is_named_next(postgres: Postgres) -> None:
    """A foreign key, once the key that it is of is left out."""
    ready = "UPDATE pg_index SET indisready = {} WHERE indexrelid = 'owners_pkey'::regclass"
    url = made(
        postgres,
        "SET allow_system_table_mods = on",
        "CREATE TABLE owners (id int PRIMARY KEY)",
        "CREATE TABLE pets (owner int REFERENCES owners)",
        ready.format("false"),
        "INSERT INTO owners VALUES (1), (1)",
        ready.format("true"),
    )
    data, dump = dumped(PostgresSource(Secret(url)))
    without: tuple[str, ...] = ()
    for rule in ("constraint public.owners.owners_pkey", "constraint public.pets.pets_owner_fkey"):
        with pytest.raises(Unprovable, match=f"rules: .*{rule}: "):
            PostgresSource(Secret(url), without=without).prove(pieces(data), job_of())
        without = (*without, rule)
    restored = PostgresSource(Secret(url), without=without).prove(pieces(data), job_of())
    assert differences(dump.contents, restored) == ""


def test_of_a_large_dump_only_the_beginning_is_held(
    shop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is begun twice, and read once: pg_restore asks for no rows the first time."""
    data, dump = dumped(PostgresSource(Secret(shop)))
    pulled: list[int] = []
    held: list[int] = []
    lift = Lifted.lift

    def seen(self: Lifted, keys: Any) -> None:
        held.append(len(pulled))
        lift(self, keys)

    monkeypatch.setattr(Lifted, "lift", seen)

    def counted() -> Iterator[bytes]:
        for piece in pieces(data):
            pulled.append(len(piece))
            yield piece

    rule = "constraint public.orders.orders_pkey"
    restored = PostgresSource(Secret(shop), without=(rule,)).prove(counted(), job_of())
    assert differences(dump.contents, restored) == ""
    assert restored.without == (), "it holds"
    assert sum(pulled) == len(data), "each piece was asked for once"
    assert sum(pulled[: held[0]]) < len(data) / 2


def test_only_what_is_named_is_left_out(postgres: Postgres) -> None:
    """Another foreign key of that name, in another schema, is missed."""
    url = made(postgres, *ORPHAN)
    source = PostgresSource(Secret(url), without=(OWNER,))
    data, dump = dumped(source)
    held = Contents(
        tables=dump.contents.tables,
        schema={**dump.contents.schema, OWNER.replace("public", "other"): "x"},
    )
    restored = source.prove(pieces(data), job_of())
    assert "is gone when restored" in differences(held, restored)


def orphans(postgres: Postgres) -> tuple[str, Callable[..., PostgresSource]]:
    url = made(postgres, *ORPHAN)
    return url, lambda without=(): PostgresSource(Secret(url), without=without)


class Sources(Given):
    """With what a proof may leave out, as the real ones."""

    def __init__(self, source: Callable[..., PostgresSource]) -> None:
        super().__init__(source())
        self._source = source

    def again(self, one: object, without: Any = ()) -> PostgresSource:
        del one
        return self._source(without)


def test_it_is_kept_once_and_not_tried_again(shelf: Shelf, postgres: Postgres) -> None:
    url, source = orphans(postgres)
    for day in (3, 2, 1):
        with pytest.raises(Unprovable, match=rf"{OWNER}.*kept as .* as it was dumped") as raised:
            shelf.take(source(), job(f"nightly:{day}", by=-day * DAY))
        assert raised.value.permanent, "no attempt follows"
        assert shelf.states() == [{PRIMARY: "unprovable"}], "the nights do not pile up copies"
    (one,) = shelf.backups()
    assert one.summary.job_id == "nightly:1"
    assert not one.verified
    proof = one.copies[0].proof
    assert proof is not None and OWNER in str(proof.error)
    with pytest.raises(Unprovable, match="an earlier attempt found"):
        shelf.take(source(), job("nightly:1", by=-DAY, attempt=2))
    assert len(shelf.backups()) == 1
    execute(url, 'DELETE FROM "odd pets" WHERE owner = 99')
    shelf.take(source())
    assert shelf.states() == [{PRIMARY: "verified"}, {PRIMARY: "unprovable"}]


def test_what_was_verified_before_it_stays(shelf: Shelf, postgres: Postgres) -> None:
    url = made(postgres, *ORPHAN[:4])
    source = PostgresSource(Secret(url))
    good = shelf.take(source, job("nightly:9", by=-9 * DAY))
    execute(url, *ORPHAN[4:])
    for day in (2, 1):
        with pytest.raises(Unprovable):
            shelf.take(source, job(f"nightly:{day}", by=-day * DAY), retention={"days": 1})
    assert shelf.states() == [{PRIMARY: "unprovable"}, {PRIMARY: "verified"}]
    assert shelf.backups()[1].id == good["id"]


def test_it_is_proved_and_restored_without_the_rule_and_says_so(
    shelf: Shelf, postgres: Postgres
) -> None:
    url, source = orphans(postgres)
    with pytest.raises(Unprovable):
        shelf.take(source(), job("nightly:1", by=-DAY))
    sources, backup_id = Sources(source), shelf.backups()[0].id
    with pytest.raises(Invalid, match=r"without: the backup has no 'constraint public\.x\.y'"):
        order = VerifyOrder(backup_id=backup_id, without=("constraint public.x.y",))
        verify(sources, shelf.catalog, order, job("verify"))
    order = VerifyOrder(backup_id=backup_id, without=(OWNER,))
    done: Any = verify(sources, shelf.catalog, order, job("verify"))
    assert done["copies"][PRIMARY]["without"] == [OWNER]
    assert shelf.states() == [{PRIMARY: "verified"}]
    verify(sources, shelf.catalog, VerifyOrder(backup_id=backup_id), job("verify"))
    (copy,) = shelf.backups()[0].copies
    assert copy.without == (OWNER,), "another proof goes on without it too"
    with shelf.container() as client:
        name = next(name for name in reversed(copy.names) if name.endswith(".verified.json"))
        assert json.loads(client.download_blob(name).readall())["without"] == [OWNER]
    back = restore(sources, shelf.catalog, RestoreOrder(backup_id=backup_id), job("restore"))
    assert back["without"] == OWNER
    assert len(column(changed(url, dbname=back["target"]), 'TABLE "odd pets"')) == 2


def test_a_plan_may_go_on_without_it(shelf: Shelf, postgres: Postgres) -> None:
    _, source = orphans(postgres)
    taken = shelf.take(source((OWNER,)), without=[OWNER])
    assert taken["without"] == [OWNER]
    assert shelf.states() == [{PRIMARY: "verified"}]


def test_what_is_no_rule_is_damage_or_a_refusal_as_before(postgres: Postgres) -> None:
    url = made(postgres, "CREATE TABLE t AS SELECT 1 AS n")
    source = PostgresSource(Secret(url))
    data, _ = dumped(source)
    with pytest.raises(Damaged):
        source.prove(pieces(data[: len(data) // 2]), job_of())
    with pytest.raises((Damaged, Refused)):
        source.prove(pieces(b"x" + data), job_of())
    row = b"\0\0\0" + b"1\n\0"
    assert data.count(row) == 1
    with pytest.raises(Damaged, match="invalid input syntax"):
        source.prove(pieces(data.replace(row, row.replace(b"1", b"x"))), job_of())
