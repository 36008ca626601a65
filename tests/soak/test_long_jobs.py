"""Short jobs beside long ones: on one instance, more jobs last than it can take messages in hand.

Long ones have places of their own, and short ones that last give theirs back. If either does not
work, short jobs wait for as long as those last; here that is `_LASTS` seconds.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Mapping
from pathlib import Path

import pytest

from local.azurite import Azurite
from shared.schedules.job import Status
from shared.schedules.model import Policy
from tests.soak.conftest import Options
from tests.soak.listener import IN_HAND
from tests.soak.noted import Noted
from tests.soak.stage import Stage, staged
from tests.soak.verdict import Rows

_EACH = 80
"""How many are long, and how many of the short ones last: more than messages are taken in hand, and
than there are places of one kind (64, as in service); both together are more than both kinds have.
"""
_LASTS = 23.0
"""Seconds that a short job lasts: almost its timeout of 600 s on the clock."""
_A_SECOND = 8
"""Short jobs that come due in a second."""
_SHORT = Policy(timeout_seconds=600, misfire_grace_seconds=360)
_LONG = Policy(timeout_seconds=3600, misfire_grace_seconds=3600)
_ALLOWED = 3.0
"""Seconds by which short jobs may be later than three times what they were before: what is long and
what lasts is begun at about the same time, and then is looked after."""


@pytest.mark.soak
def test_short_jobs_start_on_time_beside_long_ones(
    azurite: Azurite, tmp_path: Path, options: Options
) -> None:
    assert _EACH > IN_HAND
    chance = random.Random(options.seed)
    with staged(azurite, tmp_path, options.break_engine, "beside", 1) as stage:
        begin = stage.now + 2
        before = stage.due("before", _spread(begin, 5, chance), _SHORT)
        stage.until(begin + 5)
        stage.settles(lambda: _begun(stage.noted(), before) == len(before), 5)

        begin = stage.now + 3
        fast = stage.setup.factor
        at = [begin + number / fast for number in range(_EACH)]
        long = stage.due("long", at, _LONG, seconds=2 * _LASTS * fast)
        lasting = stage.due("lasting", at, _SHORT, seconds=_LASTS * fast)
        probed = at[-1] + 1
        probes = stage.due("probe", _spread(probed, 8, chance), _SHORT)
        stage.until(probed + 8)
        beside = _running(stage.noted(), long, lasting)
        stage.settles(lambda: _begun(stage.noted(), probes) == len(probes), _LASTS + 5)
        stage.settles(lambda: not _unfinished(stage, probes), 5)

        calm, late = _lateness(stage, before), _lateness(stage, probes)
        rows = Rows.read(stage.calm)
    bound = 3 * _p99(calm) + _ALLOWED
    print(
        f"\nlong jobs: {len(late)} short jobs beside {beside[0]} long ones and {beside[1]} that "
        f"last, on one instance: late by {statistics.median(late):.1f} s (median), "
        f"{_p99(late):.1f} s (p99); {len(calm)} before: {statistics.median(calm):.1f} s, "
        f"{_p99(calm):.1f} s; bound {bound:.1f} s (three times as late, and {_ALLOWED:.0f} s; "
        f"what blocks one lasts {_LASTS:.0f} s)"
    )
    missed = [one for one in probes if rows.jobs[one].status is Status.MISSED]
    assert not missed, f"{len(missed)} short jobs were missed beside long ones: {missed[:5]}"
    assert _p99(late) <= bound, f"short jobs were late beside long ones: {sorted(late)[-5:]}"
    assert sum(beside) > 100, "too few lasted to prove anything"


def _spread(begin: float, seconds: int, chance: random.Random) -> list[float]:
    """So many instants in each of so many seconds."""
    return sorted(begin + chance.uniform(0, seconds) for _ in range(seconds * _A_SECOND))


def _begun(noted: Noted, jobs: Mapping[str, float]) -> int:
    return sum((one, 1) in noted.attempts for one in jobs)


def _running(noted: Noted, long: Mapping[str, float], lasting: Mapping[str, float]) -> list[int]:
    """How many of each run."""
    running = [job for (job, _), one in noted.attempts.items() if one.ended is None]
    return [sum(job in kind for job in running) for kind in (long, lasting)]


def _unfinished(stage: Stage, jobs: Mapping[str, float]) -> list[str]:
    rows = Rows.read(stage.calm)
    return [one for one in jobs if one not in rows.jobs]


def _lateness(stage: Stage, jobs: Mapping[str, float]) -> list[float]:
    """Of each job, in seconds; of one that never began, until it ended, or until now."""
    attempts, rows = stage.noted().attempts, Rows.read(stage.calm).jobs
    late: list[float] = []
    for job, due in jobs.items():
        ended = rows[job].finished_at if job in rows else None
        if (job, 1) in attempts:
            late.append(stage.life(attempts[job, 1].began) - due)
        else:
            late.append((stage.life(ended.timestamp()) if ended else stage.now) - due)
    return late


def _p99(late: list[float]) -> float:
    return sorted(late)[int(len(late) * 0.99)]
