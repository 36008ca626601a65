"""A run that failed, as it begins anew: what succeeded is not repeated. A pure function."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from shared.workflows.state import Fan, Run, RunStatus, StepState, StepStatus

_AGAIN = frozenset({StepStatus.FAILED, StepStatus.NOT_RUN, StepStatus.CANCELLED})


def anew(run: Run, deadline: datetime | None) -> Run:
    """The run, going on; its steps that did not succeed wait again."""
    return replace(
        run,
        status=RunStatus.RUNNING,
        outcome=None,
        compensates=False,
        reason="",
        redone=run.redone + 1,
        ended_at=None,
        deadline=deadline,
        steps={step_id: _anew(one) for step_id, one in run.steps.items()},
    )


def _anew(state: StepState) -> StepState:
    """A step that did not succeed, waiting again. What was ever begun of it stays known, since it
    may have to be undone; of a `foreach`, only the items that failed or were never begun are
    repeated."""
    if state.status not in _AGAIN:
        return state
    return StepState(group=state.group + 1, work=_left(state.work))


def _left(work: Fan | None) -> Fan | None:
    if work is None:
        return None
    begun = range(work.total) if work.only is None else work.only
    only = (*work.failed, *begun[work.handed_out :])
    return replace(work, only=tuple(only), handed_out=0, open=(), failed=())
