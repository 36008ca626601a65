"""What is ordered of a backup is held to what there is, before any job of it runs."""

from __future__ import annotations

import pytest

from shared.backups.engines import engine_of
from shared.backups.model import Manifest
from shared.backups.orders import check_order
from shared.backups.params import VerifyOrder
from shared.backups.store.catalog import Found
from shared.backups.store.entries import Backup, Copy
from shared.errors import BelfryError, Damaged, Invalid, Unavailable
from tests.unit.backups.test_model import manifest

RULE = "constraint public.orders.orders_pet_fkey"
WHOLE = manifest(id="a" * 32, engine="postgresql", schema={RULE: "d", "table public.orders": "e"})
FOUND = Found([Backup(WHOLE.summary, [Copy.made("primary", "blob", WHOLE.summary)])], {}, 0)


def order(*rules: str) -> VerifyOrder:
    return VerifyOrder(backup_id=WHOLE.id, without=rules)


def test_a_rule_that_the_backup_does_not_have_is_refused() -> None:
    check_order(FOUND, ["primary"], order(RULE), lambda _: WHOLE)
    with pytest.raises(Invalid, match=r"the backup has no 'constraint public\.nope\.nope'") as said:
        check_order(FOUND, ["primary"], order(RULE, "constraint public.nope.nope"), lambda _: WHOLE)
    assert said.value.field == "without"


def test_no_manifest_is_read_if_no_rule_is_named() -> None:
    def read(_: Backup) -> Manifest:
        raise AssertionError

    check_order(FOUND, ["primary"], order(), read)


@pytest.mark.parametrize("error", [Damaged("gone"), Unavailable("storage", "away")])
def test_a_manifest_that_cannot_be_read_is_for_the_proof_to_find(error: BelfryError) -> None:
    def read(_: Backup) -> Manifest:
        raise error

    check_order(FOUND, ["primary"], order(RULE), read)


@pytest.mark.parametrize("engine", ["postgresql", "sqlite", "belfry"])
@pytest.mark.parametrize("name", ["", " ", "   ", "\u00a0", "\0"])
def test_spaces_are_the_name_of_no_target(engine: str, name: str) -> None:
    assert engine_of(engine).target_problem(name) is not None
