"""A process that is killed at any write leaves a resource with its own secrets, and what is left
over is removed; two who change one at once lose nothing."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Any

import pytest

from functions.operations.customer_cleanup import customer_cleanup
from local.azurite import Azurite
from shared.access import LOCAL
from shared.errors import Conflict, Skipped
from shared.resources.model import Kind
from shared.resources.port import ResourceUpkeep
from shared.resources.service import Resources
from shared.resources.wanted import Wanted
from shared.secrets.port import Kept, Owner
from shared.settings import Secret
from shared.storage.tables.batch import Upsert
from shared.storage.tables.facts import META, RESTORING
from tests.context import job_of
from tests.dying import Dying, Killed
from tests.integration.engine.conftest import Engine, make
from tests.integration.resources.conftest import Shelf, delivers

FIRST = Wanted(
    fields={"name": "m", "url": "https://github.com/e/e.git"}, secrets={"token": Secret("first")}
)
SECOND = Wanted(fields={**FIRST.fields, "name": "n"}, secrets={"token": Secret("second")})
Step = Callable[[Resources], object]


def _put(wanted: Wanted) -> Step:
    return lambda on: on.put(LOCAL, Kind.REPOSITORY, "42", 1, wanted)


def _delete(on: Resources) -> None:
    on.delete(LOCAL, on.get(LOCAL, Kind.REPOSITORY, "42", 1))


def _state(on: Resources) -> tuple[str, str] | None:
    """(its name, its token); None if there is none."""
    found = [one for one in on.page(LOCAL, Kind.REPOSITORY, 1, 1, 10).items]
    if not found:
        return None
    whole = on.repository("42", 1)
    return whole.what.name, whole.secrets["token"].reveal()


def _kept(engine: Engine) -> list[Kept]:
    return [*engine.app.resources()._finding.secrets.all()]


def _sweep(engine: Engine, *, dry_run: bool = False) -> dict[str, Any]:
    job = job_of(clock=engine.clock, dry_run=dry_run)
    upkeep: type[Any] = ResourceUpkeep
    return dict(engine.app.executor._services.get(upkeep).sweep(job))


@pytest.mark.parametrize("answered", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("what", ["make", "change", "delete"])
def test_whenever_it_is_killed_the_row_has_its_own_secrets(
    azurite: Azurite, what: str, answered: bool
) -> None:
    step = {"make": _put(FIRST), "change": _put(SECOND), "delete": _delete}[what]
    before = None if what == "make" else ("m", "first")
    after = {"make": ("m", "first"), "change": ("n", "second"), "delete": None}[what]
    engine = make(azurite, tasks=[delivers])
    for left in itertools.count():
        on = engine.app.resources()
        if what != "make":
            _put(FIRST)(on)
        dying = Dying(left, answered=answered)
        prefix = engine.app.settings.prefix
        other = make(azurite, prefix, dying, clock=engine.clock, prepared=True, tasks=[delivers])
        try:
            step(other.app.resources())
            done = True
        except Killed:
            done = False
        assert _state(on) in (before, after), left
        if done:
            assert _state(on) == after and left > 2
            break
        with_secrets = 0 if _state(on) is None else 1
        _sweep(engine)
        assert len(_kept(engine)) >= with_secrets, "what is young is left alone"
        engine.later(3601)
        _sweep(engine)
        assert len(_kept(engine)) == with_secrets, left
        if _state(on) != after:
            step(on)
        assert _state(on) == after and len(_kept(engine)) == (0 if after is None else 1)
        if after is not None:
            _delete(on)


def test_two_who_change_one_at_once_leave_what_one_of_them_said(shelf: Shelf) -> None:
    on = shelf.resources
    _put(FIRST)(on)
    said = [
        Wanted(fields={**FIRST.fields, "name": f"n{n}"}, secrets={"token": Secret(f"t{n}")})
        for n in range(4)
    ]
    wrong: list[BaseException] = []

    def change(wanted: Wanted) -> None:
        try:
            for _ in range(3):
                _put(wanted)(on)
        except Conflict:
            pass  # it is being changed by others: nothing was done
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=change, args=(one,)) for one in said]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert wrong == []
    state = _state(on)
    assert state is not None and state[0][1:] == state[1][1:], state
    assert len(shelf.kept()) == 1


def test_a_run_that_reads_while_the_secrets_change_gets_those_of_now(shelf: Shelf) -> None:
    shelf.hook(url="https://example.com/one")
    real = shelf.secrets.get
    done: list[str] = []

    def late(owner: Any, ref: str) -> Any:
        if not done:
            done.append(ref)
            shelf.told("PATCH", "/webhooks/15", {"url": "https://example.com/two"})
        return real(owner, ref)

    shelf.secrets.get = late  # type: ignore[method-assign]
    found = shelf.resources.webhook("15", 1)
    assert found.secrets["url"].reveal() == "https://example.com/two"


def test_secrets_that_are_gone_can_be_given_anew(shelf: Shelf) -> None:
    shelf.hook()
    (kept,) = shelf.kept()
    shelf.secrets.remove(kept.owner, kept.ref)
    with pytest.raises(Exception, match="give them anew with PATCH /api/v1/webhooks/15"):
        shelf.resources.webhook("15", 1)
    assert shelf.wrong("PATCH", "/webhooks/15", {"name": "x"})[0] == "url"
    key = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    shelf.told("PATCH", "/webhooks/15", {"url": "https://a.de/x", "signing_key": key})
    assert shelf.resources.webhook("15", 1).secrets["url"].reveal() == "https://a.de/x"


def test_young_secrets_are_left_alone_and_old_ones_go_unless_it_is_a_dry_run(
    shelf: Shelf,
) -> None:
    """A command may be about to write the row that names them."""
    shelf.hook()
    owner = Owner(kind="webhook", id="16", project_id=1)
    ref = shelf.secrets.put(owner, {"url": Secret("u")})
    assert _sweep(shelf.engine) == {"found": 0, "looked_at": 0}
    shelf.engine.later(3601)
    assert _sweep(shelf.engine, dry_run=True) == {"found": 1, "looked_at": 1}
    assert len(shelf.kept()) == 2
    assert _sweep(shelf.engine) == {"found": 1, "looked_at": 1}
    assert ref not in [one.ref for one in shelf.kept()] and len(shelf.kept()) == 1


def test_nothing_is_swept_while_a_backup_is_restored(shelf: Shelf) -> None:
    """Rows may come back after their secrets."""
    app = shelf.engine.app
    shelf.hook()
    shelf.engine.later(7200)
    table = app.connection.table(f"{app.settings.prefix}schedules")
    table.transact(META, [Upsert(RESTORING, {"value": "x"})])
    with pytest.raises(Skipped, match="being restored"):
        _sweep(shelf.engine)
    assert customer_cleanup.dry_run and customer_cleanup.recurrence is not None
    assert len(shelf.kept()) == 1
