"""The message that renews itself: exactly one chain, whatever is doubled, lost or killed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from local.azurite import Azurite
from shared.app import App, build
from shared.engine.dispatch.names import DISPATCHER, MESSAGE
from shared.engine.dispatch.queue_clock import QueueClock, following
from shared.errors import Unavailable
from shared.settings import Settings
from tests import sdk
from tests.integration.clocks.conftest import START, Killed, SimulatedEngine, said, tap

_MINUTE = timedelta(minutes=1)


def live(engine: SimulatedEngine) -> int:
    """How many messages count, of all that were sent: what `deliver` would go on from."""
    return sum(_counts(engine, text) for _, _, text in engine.pulses)


def _counts(engine: SimulatedEngine, text: str) -> bool:
    from shared.engine.dispatch import queue_clock as chain

    fact = engine.app.meta.fact(chain.ROW)
    link = chain.parse(text)
    return fact is not None and chain._token(fact) in (link.token, link.after)


def goes_on(engine: SimulatedEngine, minutes: int = 3) -> None:
    """From now on there is one message a minute, and one only."""
    for _ in range(minutes):
        texts = [engine.pulse() for _ in range(len(engine.pulses))]
        for text in texts:
            engine.deliver(text)
        assert len(engine.pulses) == 1
        assert live(engine) == 1


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


def test_there_is_one_chain_from_the_start_on(engine: SimulatedEngine) -> None:
    engine.app.prepare()
    engine.app.prepare()
    assert len(engine.pulses) == 1
    goes_on(engine)


def test_it_ticks_half_a_minute_from_the_timers(engine: SimulatedEngine) -> None:
    at = following(START)
    for late in (0.2, 3, 29, 61):
        after = following(at + timedelta(seconds=late))
        assert after.second == 30
        assert timedelta(seconds=10) <= after - at - timedelta(seconds=late)
        assert after - at - timedelta(seconds=late) <= timedelta(seconds=70)


def test_a_message_delivered_twice_goes_on_once(engine: SimulatedEngine) -> None:
    for _ in range(3):
        text = engine.pulse()
        engine.deliver(text)
        engine.deliver(text)
        assert len(engine.pulses) == 1
    goes_on(engine)


def test_a_stale_copy_ends(engine: SimulatedEngine, caplog: pytest.LogCaptureFixture) -> None:
    old = engine.pulse()
    engine.deliver(old)
    engine.deliver(engine.pulse())
    caplog.clear()
    engine.deliver(old)
    assert len(said(caplog, "clock_stale")) == 1
    assert said(caplog, "tick_done") == []
    goes_on(engine)


@pytest.fixture
def twin(engine: SimulatedEngine, azurite: Azurite) -> App:
    """Another instance on the same storage."""
    settings: Settings = engine.app.settings
    app = build(settings, engine.clock, tasks=engine.app.registry)
    tap(engine, app)
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


def test_a_message_in_two_hands_at_once_goes_on_once(engine: SimulatedEngine, twin: App) -> None:
    text = engine.pulse()
    at_once([engine.app, twin], lambda app: app.clocks.message(text))
    assert len(engine.pulses) == 2
    assert live(engine) == 1
    goes_on(engine)


def test_two_revivals_at_once_give_one_chain(engine: SimulatedEngine, twin: App) -> None:
    engine.pulses.clear()
    engine.clock.advance(5 * _MINUTE)
    at_once([engine.app, twin], lambda app: app.clocks.tick(DISPATCHER))
    assert len(engine.pulses) == 2
    assert live(engine) == 1
    goes_on(engine)


def test_two_first_starts_at_once_give_one_chain(engine: SimulatedEngine, twin: App) -> None:
    table = sdk.table(engine.app, f"{engine.app.settings.prefix}schedules")
    table.delete_entity("meta", "clock.chain")
    engine.pulses.clear()
    at_once([engine.app, twin], lambda app: app.prepare())
    assert live(engine) == 1
    goes_on(engine)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", ["send", "swap"])
@pytest.mark.parametrize("order", ["new first", "old first", "old much later"])
def test_a_worker_killed_at_any_step_leaves_one_chain(
    engine: SimulatedEngine, monkeypatch: pytest.MonkeyPatch, step: str, after: bool, order: str
) -> None:
    """The host gives the killed worker's message again: at once, or when its ten minutes are
    over; meanwhile the one that was sent may come."""
    old = engine.pulse()
    chain = chain_of(engine.app)
    target = chain._queue if step == "send" else chain._meta
    killed(target, step, monkeypatch, after=after)
    with pytest.raises(Killed):
        engine.deliver(old)
    sent = [engine.pulse() for _ in range(len(engine.pulses))]
    if step == "send" and not after:
        assert sent == []
    if order == "old first":
        engine.deliver(old)
    for text in sent:
        engine.deliver(text)
    if order == "new first" or not sent:
        engine.deliver(old)
    assert live(engine) == 1
    goes_on(engine)
    if order == "old much later":
        before = list(engine.pulses)
        engine.deliver(old)
        assert engine.pulses == before


def test_a_worker_killed_in_its_tick_has_sent_the_next(
    engine: SimulatedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(engine.app.clocks._dispatcher, "tick", monkeypatch)
    with pytest.raises(Killed):
        engine.deliver(engine.pulse())
    goes_on(engine)


@pytest.mark.parametrize("step", ["send", "swap"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_revival_killed_at_any_step_leaves_one_chain(
    engine: SimulatedEngine, monkeypatch: pytest.MonkeyPatch, step: str, after: bool
) -> None:
    engine.pulses.clear()
    engine.clock.advance(5 * _MINUTE)
    chain = chain_of(engine.app)
    killed(chain._queue if step == "send" else chain._meta, step, monkeypatch, after=after)
    with pytest.raises(Killed):
        chain.revive(chain._meta.fact("clock.chain"), engine.now)
    engine.clock.advance(_MINUTE)
    engine.fire(DISPATCHER)
    assert live(engine) >= 1
    goes_on(engine)


def test_storage_that_is_away_does_not_end_it(
    engine: SimulatedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = chain_of(engine.app)
    real = chain._meta.about_clocks

    def away() -> Any:
        raise Unavailable("table storage", "did not answer")

    monkeypatch.setattr(chain._meta, "about_clocks", away)
    for _ in range(10):
        engine.deliver(engine.pulse())
        assert len(engine.pulses) == 1
    monkeypatch.setattr(chain._meta, "about_clocks", real)
    goes_on(engine)


def test_a_lost_one_is_revived_by_any_other_clock_when_it_is_two_minutes_late(
    engine: SimulatedEngine, caplog: pytest.LogCaptureFixture
) -> None:
    engine.run(3 * _MINUTE, {MESSAGE, DISPATCHER})
    engine.pulses.clear()
    engine.run(2 * _MINUTE, {DISPATCHER})
    assert engine.pulses == []
    assert said(caplog, "clock_revived") == []
    engine.run(2 * _MINUTE, {DISPATCHER})
    assert len(engine.pulses) == len(said(caplog, "clock_revived")) == 1
    goes_on(engine)


def test_a_message_that_was_thought_lost_does_not_double_it(engine: SimulatedEngine) -> None:
    slow = engine.pulse()
    engine.clock.advance(5 * _MINUTE)
    engine.fire(DISPATCHER)
    assert len(engine.pulses) == 1
    engine.deliver(slow)
    assert len(engine.pulses) == 1
    goes_on(engine)


def test_a_row_that_cannot_be_read_is_written_anew(engine: SimulatedEngine) -> None:
    engine.app.meta.put("clock.chain", "nonsense")
    engine.app.meta.put("clock.swept", "nonsense")
    engine.app.meta.put("clock.known", "nonsense")
    engine.app.meta.put(f"clock:{DISPATCHER}", "nonsense")
    engine.pulses.clear()
    engine.fire(DISPATCHER)
    goes_on(engine)


def test_the_queue_holds_what_the_chain_sends(engine: SimulatedEngine) -> None:
    """Seen through Azurite: one message, hidden until its time."""
    queue = sdk.queue(engine.app, f"{engine.app.settings.prefix}-clock")
    assert queue.get_queue_properties().approximate_message_count == 1
    assert queue.receive_message() is None
