"""What the bench of workflows makes of the lines that the steps wrote, and how it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bench.flows import SIZES, Asked, Killed, Measured, Order, Spent
from bench.flows.figures import Figures, Wrong, figures
from bench.flows.ledger import Step, read
from bench.flows.showing import Report, table
from bench.peers import Absent
from bench.workflows import failures

CHAIN = Order(name="chain", shape="chain", width=3, runs=1, together=False)
FAN = Order(name="fan", shape="fan", width=2, runs=1, together=False)
LINKS = [Step(0, 10.0, 10.1), Step(1, 10.2, 10.3), Step(2, 10.6, 10.7)]
SPOKES = [Step(0, 10.0, 10.1), Step(1, 10.2, 10.9), Step(2, 10.4, 10.5), Step(3, 11.0, 11.1)]


def _measured(*runs: Asked) -> Measured:
    return Measured(runs, {"chain": Spent(0.3, 0.06), "fan": Spent(0.3, 0.06)})


def test_lines_become_steps_of_runs_in_order(tmp_path: Path) -> None:
    (tmp_path / "steps").write_text("a-0 1 3.0 4.0\nb-0 0 1.5 2.5\na-0 0 1.0 2.0\n")
    found = read(tmp_path / "steps")
    assert found == {"a-0": [Step(0, 1.0, 2.0), Step(1, 3.0, 4.0)], "b-0": [Step(0, 1.5, 2.5)]}


def test_a_chain_is_measured_from_each_end_to_the_next_start() -> None:
    found = figures(CHAIN, _measured(Asked("chain-0", 9.7, 11.0)), {"chain-0": LINKS})
    assert found.per_second == pytest.approx(3 / (10.7 - 10.0))
    assert found.start == pytest.approx(300)
    assert found.gap == pytest.approx(200)  # of 100 and 300 ms
    assert found.gap_99 == pytest.approx(300)
    assert found.join == 0
    assert (found.engine, found.store) == pytest.approx((100, 20))


def test_a_fan_is_measured_from_the_first_to_each_and_from_the_last_to_the_join() -> None:
    found = figures(FAN, _measured(Asked("fan-0", 9.1, 12.0)), {"fan-0": SPOKES})
    assert found.per_second == pytest.approx(4 / (11.1 - 10.0))
    assert found.gap == pytest.approx(200)  # of 100 and 300 ms
    assert found.join == pytest.approx(100)  # the first of the two ends last


def test_runs_at_once_are_measured_from_the_first_asked_to_the_last_step() -> None:
    order = replace(CHAIN, runs=2, together=True)
    later = [Step(one.number, one.began + 4, one.ended + 4) for one in LINKS]
    asked = (Asked("chain-0", 8.7, 20.0), Asked("chain-1", 9.0, 20.0))
    found = figures(order, _measured(*asked), {"chain-0": LINKS, "chain-1": later})
    assert found.per_second == pytest.approx(6 / (14.7 - 8.7))


@pytest.mark.parametrize(
    ("order", "steps"),
    [
        (CHAIN, LINKS[:2]),
        (CHAIN, [*LINKS, LINKS[2]]),
        (CHAIN, [LINKS[0], Step(1, 10.05, 10.3), LINKS[2]]),
        (FAN, [*SPOKES[:3], Step(3, 10.8, 11.1)]),
    ],
    ids=["missing", "twice", "too early", "join too early"],
)
def test_what_was_not_done_as_asked_has_no_figures(order: Order, steps: Sequence[Step]) -> None:
    run = order.run(0)
    with pytest.raises(Wrong, match=run):
        figures(order, _measured(Asked(run, 9.0, 12.0)), {run: steps})
    with pytest.raises(Wrong, match="0 of 1 runs ended"):
        figures(order, _measured(), {run: steps})


def _report(name: str, speed: float, gap: float) -> Report:
    one = Figures(per_second=speed, start=gap, gap=gap, gap_99=gap * 2, engine=1, store=2, join=gap)
    found = dict.fromkeys(("chain", "chains", "fan", "fans"), one)
    killed = Killed(steps=10, done=10, repeated=0, seconds=2.5)
    return Report(name=name, setting="so", persists="all", found=found, killed=killed)


def test_the_table_says_how_many_times_better_belfry_is() -> None:
    gone = replace(_report("Gone", 1, 1), found=Absent(why="no server"), killed=None)
    shown = table(_report("Belfry", 50, 4), [_report("Other", 25, 2), gone], SIZES["full"])
    speed, gap = (line.split("  ") for line in shown.splitlines()[1:3])
    assert [one.strip() for one in speed if one][1:] == ["50.0", "25.0 (2.0)", "absent"]
    assert [one.strip() for one in gap if one][1:] == ["4.0", "2.0 (0.5)", "absent"]
    assert "10 of 10/0/2.5" in shown
    assert "  absent: no server" in shown


def test_belfry_must_end_a_killed_run_and_repeat_no_finished_step() -> None:
    ours, peer = _report("Belfry", 1, 1), _report("Other", 1, 1)
    stuck = Killed(steps=10, done=4, repeated=1, seconds=0)
    assert not list(failures(ours, [replace(peer, killed=stuck)]))
    assert list(failures(replace(ours, killed=stuck), [peer]))
    assert list(failures(ours, [replace(peer, found=Absent(why="KeyError", broken=True))]))
    assert not list(failures(ours, [replace(peer, found=Absent(why="no redis-server"))]))
