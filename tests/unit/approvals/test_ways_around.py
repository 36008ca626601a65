"""No way leads around an approval: what calls tasks without a job of their own calls no critical
one."""

from __future__ import annotations

import pytest

from shared.batch.operations import hold_callable
from shared.engine.work.execute import Executor
from shared.errors import Invalid, Refused
from shared.tasks import Impact, JobContext, Params, Registry, Result, Services, task
from tests.context import job_of


@task("sends_mail", impact=Impact.C, for_projects=True)
def sends_mail(job: JobContext) -> Result:
    """Sends mail."""
    raise AssertionError(job.job_id)


class NoGate:
    def ask(self, *_: object) -> None:
        raise AssertionError


def test_a_batch_calls_no_critical_task() -> None:
    with pytest.raises(Invalid, match="a person approves each job of sends_mail"):
        hold_callable(sends_mail)


def test_nothing_within_another_job_is_critical() -> None:
    job = job_of()
    executor = Executor(Registry([sends_mail]), Services({}), job.clock, NoGate())
    with pytest.raises(Refused, match="sends_mail is critical"):
        executor.within(sends_mail, Params(), job, 1)
