"""Whoever tampers with the chain, its head, its lists or its anchors is found, and what was done is
named. Each hand works on the real rows and blobs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local.azurite import Azurite
from shared.audit.chain import NOTHING, Wrong, digest_of
from shared.audit.entry import canonical
from shared.audit.table import CHAIN, HEAD, record_key
from shared.storage.names import Names
from shared.storage.tables.batch import Delete, Operation, Upsert
from shared.storage.tables.pending import joined, parted
from tests.integration.audit.conftest import Office
from tests.integration.engine.conftest import make, tap

Row = dict[str, Any]
Kept = tuple[dict[str, Row], dict[str, bytes]]


class Hands:
    """Whoever may write everything that is stored."""

    def __init__(self, office: Office) -> None:
        self.office = office
        app = office.engine.app
        self.blobs = app.connection.container(Names(app.settings.prefix).audit_files)

    def do(self, *operations: Operation) -> None:
        assert self.office.table.transact(CHAIN, operations).committed

    def row(self, number: int) -> Row:
        return self.of(record_key(number))

    def of(self, key: str) -> Row:
        row = self.office.table.get(CHAIN, key)
        assert row is not None
        return {name: one for name, one in row.items() if name not in ("etag", "PartitionKey")}

    def put(self, key: str, row: Row) -> None:
        row.pop("RowKey", None)
        self.do(Upsert(key, row))

    def retold(self, at: int, row: Row | None = None, **said: Any) -> str:
        """A record with another text, whose hash is right; the hash."""
        row = (row or self.row(at)) | {"number": at}
        text = canonical(json.loads(joined(row)) | said)
        row = {name: one for name, one in row.items() if not name.startswith("text")}
        self.put(record_key(at), row | parted(text) | {"digest": digest_of(text)})
        return digest_of(text)

    def rewritten(self, first: int, **said: Any) -> None:
        """A record changed, and all that follow made to fit, the head too."""
        digest = self.retold(first, **said)
        for number in range(first + 1, self.office.head().number + 1):
            digest = self.retold(number, previous=digest)
        self.put(HEAD, self.of(HEAD) | {"digest": digest})

    def kept(self) -> Kept:
        """All there is of the chain."""
        names = [*self.anchors(), *self.files()]
        blobs = {name: self.blobs.download_blob(name).readall() for name in names}
        return {key: self.of(key) for key in self.office.rows()}, blobs

    def put_back(self, kept: Kept) -> None:
        rows, blobs = kept
        added = [Delete(key) for key in self.office.rows() if key not in rows]
        there = {
            key: {n: one for n, one in row.items() if n != "RowKey"} for key, row in rows.items()
        }
        self.do(*added, *(Upsert(key, row) for key, row in there.items()))
        for name, data in blobs.items():
            self.blobs.upload_blob(name, data, overwrite=True)

    def anchors(self) -> list[str]:
        return sorted(self.blobs.list_blob_names(name_starts_with="anchors/"))

    def files(self) -> list[str]:
        return sorted(self.blobs.list_blob_names(name_starts_with="records/"))


def text_changed(hands: Hands) -> None:
    row = hands.row(4)
    hands.put(record_key(4), row | parted(joined(row).replace("anna", "otto")))


def value_changed(hands: Hands) -> None:
    """Of what no column says: its hash alone tells."""
    row = hands.row(4)
    text = joined(row)
    assert "name 2" in text
    hands.put(record_key(4), row | parted(text.replace("name 2", "name 9")))


def text_gone(hands: Hands) -> None:
    hands.put(record_key(4), {name: one for name, one in hands.row(4).items() if name != "text0"})


def column_changed(hands: Hands) -> None:
    hands.put(record_key(4), hands.row(4) | {"actor": "otto"})


def text_and_hash_changed(hands: Hands) -> None:
    hands.retold(4, error="never")


def removed(hands: Hands) -> None:
    hands.do(Delete(record_key(4)))


def removed_several(hands: Hands) -> None:
    hands.do(*(Delete(record_key(number)) for number in (4, 5, 6)))


def removed_first(hands: Hands) -> None:
    hands.do(Delete(record_key(1)))


def removed_last(hands: Hands) -> None:
    hands.do(Delete(record_key(hands.office.head().number)))


def cut_short(hands: Hands) -> None:
    """The last ones removed, and the head put back: the anchor knows."""
    last = hands.office.head().number
    gone = [Delete(record_key(number)) for number in range(last - 5, last + 1)]
    hands.do(*gone)
    row = hands.row(last - 6)
    hands.put(HEAD, hands.of(HEAD) | {"number": last - 6, "digest": row["digest"]})


def added_at_the_end(hands: Hands) -> None:
    head = hands.office.head()
    row = hands.row(head.number)
    hands.retold(head.number + 1, row, number=head.number + 1, previous=head.digest)


def added_between(hands: Hands) -> None:
    hands.put(record_key(4) + "x", hands.row(4))


def swapped(hands: Hands) -> None:
    one, other = hands.row(4), hands.row(5)
    hands.put(record_key(4), other)
    hands.put(record_key(5), one)


def swapped_and_numbered(hands: Hands) -> None:
    one, other = hands.row(4), hands.row(5)
    hands.retold(4, other, number=4)
    hands.retold(5, one, number=5)


def head_gone(hands: Hands) -> None:
    hands.do(Delete(HEAD))


def head_changed(hands: Hands) -> None:
    hands.put(HEAD, hands.of(HEAD) | {"digest": NOTHING})


def head_garbled(hands: Hands) -> None:
    hands.put(HEAD, hands.of(HEAD) | {"moved": "no list"})


def all_written_anew(hands: Hands) -> None:
    hands.rewritten(4, error="never")


def list_row_gone(hands: Hands) -> None:
    hands.do(Delete(next(key for key in hands.office.rows() if key.startswith("schedule:"))))


def list_row_added(hands: Hands) -> None:
    hands.put("project:7:9999999995", hands.row(4))


def anchor_changed(hands: Hands) -> None:
    blob = hands.blobs.get_blob_client(hands.anchors()[0])
    said = json.loads(blob.download_blob().readall())
    blob.upload_blob(json.dumps(said | {"number": 1}, indent=2), overwrite=True)


def anchor_garbled(hands: Hands) -> None:
    hands.blobs.get_blob_client(hands.anchors()[0]).upload_blob(b"{}", overwrite=True)


def first_anchor_gone(hands: Hands) -> None:
    hands.blobs.delete_blob(hands.anchors()[0])


def last_anchor_gone(hands: Hands) -> None:
    hands.blobs.delete_blob(hands.anchors()[-1])


TAMPERED: list[tuple[Callable[[Hands], None], Wrong, str]] = [
    (text_changed, Wrong.CHANGED, "record 4"),
    (value_changed, Wrong.CHANGED, "record 4"),
    (text_gone, Wrong.CHANGED, "record 4"),
    (column_changed, Wrong.CHANGED, "record 4: its row says otherwise"),
    (text_and_hash_changed, Wrong.UNLINKED, "record 5 does not follow the record 4"),
    (removed, Wrong.REMOVED, "record 4 is missing"),
    (removed_several, Wrong.REMOVED, "records 4 to 6 are missing"),
    (removed_first, Wrong.REMOVED, "record 1 is missing"),
    (removed_last, Wrong.REMOVED, "record 9 is missing"),
    (cut_short, Wrong.REMOVED, "are missing: the last of them was anchored on 2026-03-03"),
    (added_at_the_end, Wrong.ADDED, "beyond the head"),
    (added_between, Wrong.ADDED, "there twice"),
    (swapped, Wrong.CHANGED, "record 4"),
    (swapped_and_numbered, Wrong.UNLINKED, "record 4 does not follow"),
    (head_gone, Wrong.REMOVED, "the head of the chain is gone"),
    (head_changed, Wrong.REWRITTEN, "the head of the chain has another hash"),
    (head_garbled, Wrong.CHANGED, "head"),
    (all_written_anew, Wrong.REWRITTEN, "is not the one that was anchored on 2026-03-02"),
    (list_row_gone, Wrong.REMOVED, "by which lists find a record, was removed"),
    (list_row_added, Wrong.ADDED, "by which lists find a record, was added"),
    (anchor_changed, Wrong.ANCHOR, "anchors/2026-03-02.json"),
    (anchor_garbled, Wrong.ANCHOR, "anchors/2026-03-02.json cannot be read"),
    (first_anchor_gone, Wrong.ANCHOR, "anchors/2026-03-02.json"),
    (last_anchor_gone, Wrong.ANCHOR, "anchors/2026-03-03.json, which record 9 tells, is gone"),
]


@pytest.fixture(scope="module")
def chain(azurite: Azurite) -> Hands:
    """A chain of nine records, with the anchors of two days."""
    engine = make(azurite)
    tap(engine)
    office = Office(engine)
    office.changes(4)  # with the creation: five records
    assert office.upkeep(1)["anchored"] == "anchors/2026-03-02.json"  # record 6 tells it
    office.engine.add()
    office.engine.add()
    assert office.upkeep(1)["anchored"] == "anchors/2026-03-03.json"
    assert office.head().number == 9
    return Hands(office)


@pytest.fixture
def hands(chain: Hands) -> Iterator[Hands]:
    """The chain, which is as it was again after each attack."""
    before = chain.kept()
    yield chain
    chain.put_back(before)
    assert chain.office.verified().good


@pytest.mark.parametrize(
    ("tamper", "wrong", "said"), TAMPERED, ids=[one.__name__ for one, _, _ in TAMPERED]
)
def test_it_is_found(
    hands: Hands, tamper: Callable[[Hands], None], wrong: Wrong, said: str
) -> None:
    tamper(hands)
    found = hands.office.verified()
    assert not found.good
    assert any(one.wrong is wrong and said in one.text for one in found.findings), found.findings


def test_a_finding_says_since_when(hands: Hands) -> None:
    text_changed(hands)
    (found,) = hands.office.findings()
    assert found.number == 4
    assert found.at == hands.office.audit._table.record(4).when()  # type: ignore[union-attr]
