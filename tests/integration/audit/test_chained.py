"""Whoever is killed at any instant, and however many chain at once: each entry is in the chain
once, in one chain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from local.azurite import Azurite
from shared.app import App
from shared.audit import chainer
from shared.audit.chainer import PATIENCE
from shared.audit.entry import Entry, Outcome
from shared.audit.listing import Wanted
from shared.audit.port import Action, Subject
from shared.audit.table import CHAIN, HEAD, MOST, PENDING
from shared.errors import Damaged, Unavailable
from shared.storage.names import Names
from shared.storage.tables import pending
from shared.storage.tables.batch import Delete, Operation, Upsert
from shared.storage.tables.table import Outcome as Written
from shared.storage.tables.table import Table
from tests.integration.audit.conftest import ADMIN, ANNA, Office
from tests.integration.engine.conftest import make
from tests.together import together


class Killed(BaseException):
    """The process ends here."""


def told(office: Office) -> list[Entry]:
    found = office.audit.page(Wanted(), ADMIN, 1, 10_000)
    return [one.entry() for one in reversed(found.records)]


def waiting(office: Office) -> int:
    """How many entries are pending anywhere."""
    app = office.engine.app
    rows = app.connection.table(Names(app.settings.prefix).table)
    both = [(office.table, PENDING), *((rows, shard) for shard in app.table.shards)]
    now = app.clock.now()
    return sum(1 for table, where in both for _ in pending.read(table, where, 1000, now))


@contextmanager
def killed(monkeypatch: pytest.MonkeyPatch, step: int, *, after: bool) -> Iterator[None]:
    """The process ends before, or after, its `step`-th write."""
    real = Table.transact
    steps = iter(range(1, 10_000))

    def transact(self: Table, partition: str, operations: Sequence[Operation]) -> Written:
        mine = next(steps) == step
        if mine and not after:
            raise Killed
        outcome = real(self, partition, operations)
        if mine:
            raise Killed
        return outcome

    with monkeypatch.context() as patch:
        patch.setattr(Table, "transact", transact)
        yield


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", range(1, 7))
def test_killed_at_any_write(
    office: Office, monkeypatch: pytest.MonkeyPatch, step: int, after: bool
) -> None:
    office.audit.chain()
    before = len(told(office))
    monkeypatch.setattr(chainer, "MOST", 4)
    made = [office.engine.add().id for _ in range(6)]  # two appends, of two shards
    with killed(monkeypatch, step, after=after), suppress(Killed):
        office.audit.chain()
    found = told(office)[before:]
    assert sorted(one.subject.id for one in found) == sorted(made)
    assert waiting(office) == 0
    assert office.verified().good


def test_a_change_that_is_killed_is_unknown_and_tells_its_outcome_late(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = Subject("backup", "b1")
    with (
        pytest.raises(Killed),
        killed(monkeypatch, 2, after=False),  # its intent is written, and its outcome is not
        office.audit.changing(ANNA, Action.DELETE, subject, {"size": 1}),
    ):
        pass
    late = office.audit.changing(ANNA, Action.DELETE, Subject("backup", "b2"))
    change = late.__enter__()
    assert [one for one in told(office) if one.subject.kind == "backup"] == []
    office.engine.later(PATIENCE.total_seconds() + 1)
    first, second = [one for one in told(office) if one.subject.kind == "backup"]
    assert {first.outcome, second.outcome} == {Outcome.UNKNOWN}
    assert first.before == {"size": 1}
    change.after = {"deleted": True}
    late.__exit__(None, None, None)
    last = told(office)[-1]
    assert (last.settles, last.outcome, last.after) == (second.id, Outcome.DONE, {"deleted": True})
    assert office.verified().good


def test_an_outcome_that_comes_while_the_chainer_gives_up_is_told(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = office.audit.changing(ANNA, Action.DELETE, Subject("backup", "b"))
    change.__enter__()
    office.engine.later(PATIENCE.total_seconds() + 1)
    real = pending.give_up

    def meanwhile(table: Table, one: pending.Pending) -> bool:
        monkeypatch.undo()
        change.__exit__(None, None, None)
        return real(table, one)

    monkeypatch.setattr(pending, "give_up", meanwhile)
    assert not [one for one in told(office) if one.subject.kind == "backup"]
    (only,) = [one for one in told(office) if one.subject.kind == "backup"]
    assert (only.outcome, only.settles) == (Outcome.DONE, None)


def test_two_processes_chain_at_once(office: Office, azurite: Azurite) -> None:
    prefix = office.engine.app.settings.prefix
    others = [make(azurite, prefix, clock=office.engine.clock, prepared=True) for _ in range(3)]
    made = [office.engine.add().id for _ in range(2 * MOST)]
    together(*(one.app.audit.chain for one in others))
    assert sorted(one.subject.id for one in told(office) if one.by.name == "local") == sorted(made)
    assert waiting(office) == 0
    assert office.verified().good


def test_an_entry_that_somebody_garbled_does_not_hold_up_the_chain(office: Office) -> None:
    app = office.engine.app
    made = office.engine.add()
    rows: Any = app.connection.table(Names(app.settings.prefix).table)
    (one,) = pending.read(rows, app.table.shard(made.id), 10, app.clock.now())
    rows.transact(one.partition, [Upsert(one.key, {"text0": "garbled", "open": False})])
    last = told(office)[-1]
    assert (last.outcome, last.subject) == (Outcome.FAILED, Subject("audit", "unreadable"))
    assert last.before is not None
    assert last.before["text0"] == "garbled"


def test_a_long_entry_is_kept_whole_and_one_that_is_too_long_as_its_hash(office: Office) -> None:
    for size in (80_000, 400_000):
        with office.audit.changing(ANNA, Action.CREATE, Subject("calendar", "c")) as change:
            change.after = {"days": "é" * size}
    whole, hashed = told(office)[-2:]
    assert whole.after == {"days": "é" * 80_000}
    assert hashed.after is not None
    assert hashed.after.keys() == {"too_long", "sha256"}
    assert office.verified().good


def test_many_long_entries_are_chained_in_smaller_parts(office: Office) -> None:
    for number in range(MOST):
        with office.audit.changing(ANNA, Action.CREATE, Subject("calendar", f"c{number}")) as it:
            it.after = {"days": "é" * 90_000}
    assert len([one for one in told(office) if one.subject.kind == "calendar"]) == MOST
    assert office.verified().good


def test_a_chain_whose_head_was_removed_is_not_begun_anew(office: Office) -> None:
    office.changes(2)
    office.table.transact(CHAIN, [Delete(HEAD)])
    office.engine.add()
    with pytest.raises(Damaged, match="its head is gone"):
        office.audit.chain()
    assert waiting(office) == 1


def test_after_the_loss_of_the_table_it_goes_on_from_the_last_anchor(office: Office) -> None:
    office.changes(3)
    assert office.upkeep(1)["anchored"]
    app: App = office.engine.app
    anchored = office.head().number - 1  # the last record tells of the anchor
    app.connection.drop_tables([office.table.name])
    app.create()
    made = office.engine.add()
    (again,) = told(office)
    assert again.subject.id == made.id
    assert office.head().number == anchored + 1
    found = office.verified()
    assert found.good
    assert (found.records, found.archived) == (anchored + 1, anchored)


def test_storage_that_is_away_leaves_the_change_undone(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = []

    def away(*_: Any) -> Any:
        raise Unavailable("table storage", "away")

    monkeypatch.setattr(pending, "begin", away)
    with (
        pytest.raises(Unavailable),
        office.audit.changing(ANNA, Action.DELETE, Subject("backup", "b")),
    ):
        done.append(True)
    assert not done


def test_an_outcome_that_cannot_be_stored_does_not_undo_the_change(
    office: Office, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*_: Any) -> Any:
        raise Unavailable("table storage", "away")

    monkeypatch.setattr(pending, "settle", away)
    with office.audit.changing(ANNA, Action.DELETE, Subject("backup", "b")):
        pass
    assert "audit_unsettled" in caplog.text


def test_an_invocation_chains_what_it_changed_and_costs_nothing_if_it_changed_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.audit.chain()
    office.audit.settle()  # what the start left
    office.engine.later(60)
    done: list[object] = []
    real = office.audit._chainer.chain

    def chain(*given: Any) -> int:
        done.append(given)
        return real(*given)

    monkeypatch.setattr(office.audit._chainer, "chain", chain)
    office.audit.settle()
    assert done == []
    office.engine.add()
    office.audit.settle()
    assert (len(done), waiting(office)) == (1, 0)
    office.engine.add()
    office.audit.settle()  # a moment later: the next does it
    assert (len(done), waiting(office)) == (1, 1)
    office.engine.later(11)
    office.audit.settle()
    assert (len(done), waiting(office)) == (2, 0)


def test_what_could_not_be_chained_is_chained_by_the_next(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.engine.add()

    def away(*_: Any) -> Any:
        raise Unavailable("table storage", "away")

    with monkeypatch.context() as patch:
        patch.setattr(office.audit._table, "append", away)
        with pytest.raises(Unavailable):
            office.audit.settle()
    office.engine.later(11)
    office.audit.settle()
    assert waiting(office) == 0
