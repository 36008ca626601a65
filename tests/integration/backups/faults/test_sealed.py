"""Encrypted backups: what is changed is found, and another key sees and changes nothing."""

from __future__ import annotations

from dataclasses import replace

import pyrage
import pytest

from shared.backups.jobs.copy import copy_to
from shared.backups.sqlite.source import SqliteSource
from shared.backups.store.encryption import Seal
from shared.errors import Damaged, NotFound
from shared.settings import Secret
from tests.integration.backups.faults.meddling import MANIFEST, Container, flip
from tests.integration.backups.faults.world import BOTH, DAY, job, prove, whole
from tests.integration.backups.setup import OFFSITE, PRIMARY, Shelf


@pytest.fixture
def sealed(two: Shelf) -> Shelf:
    return replace(two, seal=Seal(Secret(str(pyrage.x25519.Identity.generate()))))


@pytest.mark.parametrize("at", [0, 30, 250, -1])
def test_a_bit_of_what_is_sealed(sealed: Shelf, small: SqliteSource, at: int) -> None:
    taken = sealed.take(small)
    for name, said in (
        (taken["blob"], "SHA-256 was"),
        (taken["blob"] + MANIFEST, "does not decrypt|encrypted for a key"),
    ):
        with sealed.container() as client:
            Container(client).change(name, flip(at))
        with pytest.raises(Damaged, match=said):
            prove(sealed, small, taken["id"], PRIMARY)
        assert sealed.states() == [{PRIMARY: "damaged", OFFSITE: "verified"}]
        copy_to(sealed.catalog, sealed.backups()[0], sealed.catalog.wanted(()), job("upkeep"))
        assert sealed.states() == [BOTH]
    whole(sealed)


def test_another_key_sees_nothing_and_changes_nothing(sealed: Shelf, small: SqliteSource) -> None:
    taken = sealed.take(small, job("nightly:1", by=-90 * DAY))
    sealed.take(small, job("nightly:2", by=-80 * DAY))
    names = sealed.everything()
    for seal in (Seal(Secret(str(pyrage.x25519.Identity.generate()))), None):
        blind = replace(sealed, seal=seal)
        assert (blind.backups(), blind.catalog.look().strange) == ([], len(names) * 2)
        with pytest.raises(NotFound):
            prove(blind, small, taken["id"])
        by = DAY * (seal is None)
        plain: dict[str, object] = {"encrypt": False} if seal is None else {}
        blind.take(small, job(f"nightly:{seal}", by=by), retention={"count": 1}, **plain)
        assert len(blind.backups()) == 1
        for name in blind.names:
            blind.catalog[name].remove(
                blind.backups()[0].copies[0].blob, blind.backups()[0].copies[0].names
            )
    assert sealed.states() == [BOTH, BOTH]
    assert sealed.everything() == names
    whole(sealed)
