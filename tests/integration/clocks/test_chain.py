"""The message that renews itself: exactly one chain, whatever is doubled, lost or killed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from local.azurite import Azurite
from shared.app import App, build
from shared.engine.dispatch.clocks import DISPATCHER, MESSAGE
from shared.engine.dispatch.queue_clock import QueueClock, following
from shared.errors import Unavailable
from shared.settings import Settings
from tests import sdk
from tests.integration.clocks.conftest import START, Killed, Sim, said, tap

_MINUTE = timedelta(minutes=1)


def live(sim: Sim) -> int:
    """How many messages count, of all that were sent: what `deliver` would go on from."""
    return sum(_counts(sim, text) for _, _, text in sim.pulses)


def _counts(sim: Sim, text: str) -> bool:
    from shared.engine.dispatch import queue_clock as chain

    fact = sim.app.meta.fact(chain.ROW)
    link = chain.parse(text)
    return fact is not None and chain._token(fact) in (link.token, link.after)


def goes_on(sim: Sim, minutes: int = 3) -> None:
    """From now on there is one message a minute, and one only."""
    for _ in range(minutes):
        texts = [sim.pulse() for _ in range(len(sim.pulses))]
        for text in texts:
            sim.deliver(text)
        assert len(sim.pulses) == 1
        assert live(sim) == 1


def killed(target: Any, name: str, monkeypatch: pytest.MonkeyPatch, *, after: bool = False) -> None:
    """Kill the process where it calls that, once: before it is done, or after."""
    real: Callable[..., Any] = getattr(target, name)

    def dies(*arguments: Any, **named: Any) -> Any:
        monkeypatch.setattr(target, name, real)
        if after:
            real(*arguments, **named)
        raise Killed

    monkeypatch.setattr(target, name, dies)


def chain_of(app: App) -> QueueClock:
    return app.clocks._queue_clock


def test_there_is_one_chain_from_the_start_on(sim: Sim) -> None:
    sim.app.prepare()
    sim.app.prepare()
    assert len(sim.pulses) == 1
    goes_on(sim)


def test_it_ticks_half_a_minute_from_the_timers(sim: Sim) -> None:
    at = following(START)
    for late in (0.2, 3, 29, 61):
        after = following(at + timedelta(seconds=late))
        assert after.second == 30
        assert timedelta(seconds=10) <= after - at - timedelta(seconds=late)
        assert after - at - timedelta(seconds=late) <= timedelta(seconds=70)


def test_a_message_delivered_twice_goes_on_once(sim: Sim) -> None:
    for _ in range(3):
        text = sim.pulse()
        sim.deliver(text)
        sim.deliver(text)
        assert len(sim.pulses) == 1
    goes_on(sim)


def test_a_stale_copy_ends(sim: Sim, caplog: pytest.LogCaptureFixture) -> None:
    old = sim.pulse()
    sim.deliver(old)
    sim.deliver(sim.pulse())
    caplog.clear()
    sim.deliver(old)
    assert len(said(caplog, "clock_stale")) == 1
    assert said(caplog, "tick_done") == []
    goes_on(sim)


@pytest.fixture
def twin(sim: Sim, azurite: Azurite) -> App:
    """Another instance on the same storage."""
    settings: Settings = sim.app.settings
    app = build(settings, sim.clock, tasks=sim.app.registry)
    tap(sim, app)
    return app


def at_once(apps: list[App], act: Callable[[App], object]) -> None:
    """Let each have read the row and sent its message before any commits."""
    barrier = threading.Barrier(len(apps))
    for app in apps:
        queue = chain_of(app)._queue
        real = queue.send

        def send(*arguments: Any, real: Any = real, queue: Any = queue) -> None:
            real(*arguments)
            queue.send = real
            barrier.wait(20)

        queue.send = send  # type: ignore[method-assign, assignment]
    threads = [threading.Thread(target=act, args=(app,)) for app in apps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


def test_a_message_in_two_hands_at_once_goes_on_once(sim: Sim, twin: App) -> None:
    text = sim.pulse()
    at_once([sim.app, twin], lambda app: app.clocks.message(text))
    assert len(sim.pulses) == 2
    assert live(sim) == 1
    goes_on(sim)


def test_two_revivals_at_once_give_one_chain(sim: Sim, twin: App) -> None:
    sim.pulses.clear()
    sim.clock.advance(5 * _MINUTE)
    at_once([sim.app, twin], lambda app: app.clocks.tick(DISPATCHER))
    assert len(sim.pulses) == 2
    assert live(sim) == 1
    goes_on(sim)


def test_two_first_starts_at_once_give_one_chain(sim: Sim, twin: App) -> None:
    table = sdk.table(sim.app, f"{sim.app.settings.prefix}schedules")
    table.delete_entity("meta", "clock.chain")
    sim.pulses.clear()
    at_once([sim.app, twin], lambda app: app.prepare())
    assert live(sim) == 1
    goes_on(sim)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", ["send", "swap"])
@pytest.mark.parametrize("order", ["new first", "old first", "old much later"])
def test_a_worker_killed_at_any_step_leaves_one_chain(
    sim: Sim, monkeypatch: pytest.MonkeyPatch, step: str, after: bool, order: str
) -> None:
    """The host gives the killed worker's message again: at once, or when its ten minutes are
    over; meanwhile the one that was sent may come."""
    old = sim.pulse()
    chain = chain_of(sim.app)
    target = chain._queue if step == "send" else chain._meta
    killed(target, step, monkeypatch, after=after)
    with pytest.raises(Killed):
        sim.deliver(old)
    sent = [sim.pulse() for _ in range(len(sim.pulses))]
    if step == "send" and not after:
        assert sent == []
    if order == "old first":
        sim.deliver(old)
    for text in sent:
        sim.deliver(text)
    if order == "new first" or not sent:
        sim.deliver(old)
    assert live(sim) == 1
    goes_on(sim)
    if order == "old much later":
        before = list(sim.pulses)
        sim.deliver(old)
        assert sim.pulses == before


def test_a_worker_killed_in_its_tick_has_sent_the_next(
    sim: Sim, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(sim.app.clocks._dispatcher, "tick", monkeypatch)
    with pytest.raises(Killed):
        sim.deliver(sim.pulse())
    goes_on(sim)


@pytest.mark.parametrize("step", ["send", "swap"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_revival_killed_at_any_step_leaves_one_chain(
    sim: Sim, monkeypatch: pytest.MonkeyPatch, step: str, after: bool
) -> None:
    sim.pulses.clear()
    sim.clock.advance(5 * _MINUTE)
    chain = chain_of(sim.app)
    killed(chain._queue if step == "send" else chain._meta, step, monkeypatch, after=after)
    with pytest.raises(Killed):
        chain.revive(chain._meta.fact("clock.chain"), sim.now)
    sim.clock.advance(_MINUTE)
    sim.fire(DISPATCHER)
    assert live(sim) >= 1
    goes_on(sim)


def test_storage_that_is_away_does_not_end_it(sim: Sim, monkeypatch: pytest.MonkeyPatch) -> None:
    chain = chain_of(sim.app)
    real = chain._meta.about_clocks

    def away() -> Any:
        raise Unavailable("table storage", "did not answer")

    monkeypatch.setattr(chain._meta, "about_clocks", away)
    for _ in range(10):
        sim.deliver(sim.pulse())
        assert len(sim.pulses) == 1
    monkeypatch.setattr(chain._meta, "about_clocks", real)
    goes_on(sim)


def test_a_lost_one_is_revived_by_any_other_clock_when_it_is_two_minutes_late(
    sim: Sim, caplog: pytest.LogCaptureFixture
) -> None:
    sim.run(3 * _MINUTE, {MESSAGE, DISPATCHER})
    sim.pulses.clear()
    sim.run(2 * _MINUTE, {DISPATCHER})
    assert sim.pulses == []
    assert said(caplog, "clock_revived") == []
    sim.run(2 * _MINUTE, {DISPATCHER})
    assert len(sim.pulses) == len(said(caplog, "clock_revived")) == 1
    goes_on(sim)


def test_a_message_that_was_thought_lost_does_not_double_it(sim: Sim) -> None:
    slow = sim.pulse()
    sim.clock.advance(5 * _MINUTE)
    sim.fire(DISPATCHER)
    assert len(sim.pulses) == 1
    sim.deliver(slow)
    assert len(sim.pulses) == 1
    goes_on(sim)


def test_a_row_that_cannot_be_read_is_written_anew(sim: Sim) -> None:
    sim.app.meta.put("clock.chain", "nonsense")
    sim.app.meta.put("clock.swept", "nonsense")
    sim.app.meta.put("clock.known", "nonsense")
    sim.app.meta.put(f"clock:{DISPATCHER}", "nonsense")
    sim.pulses.clear()
    sim.fire(DISPATCHER)
    goes_on(sim)


def test_the_queue_holds_what_the_chain_sends(sim: Sim) -> None:
    """Seen through Azurite: one message, hidden until its time."""
    queue = sdk.queue(sim.app, f"{sim.app.settings.prefix}-clock")
    assert queue.get_queue_properties().approximate_message_count == 1
    assert queue.receive_message() is None
