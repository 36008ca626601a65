"""Parameters that are JSON, but no object, harm nothing but the row that somebody wrote them to."""

from __future__ import annotations

from typing import Any

import pytest

from shared.access import LOCAL
from shared.api.jobs import routes as jobs
from shared.errors import Damaged
from shared.storage.tables import entities
from tests import sdk
from tests.integration.engine.conftest import Engine

VALUES = ["null", "5", "[]", '"text"', "true", "[[1, 2]]"]


def write(engine: Engine, schedule_id: str, key: str, **properties: str) -> None:
    table: Any = sdk.table(engine.app)
    keys = {"PartitionKey": engine.app.table.shard(schedule_id), "RowKey": key}
    table.update_entity(keys | properties)


@pytest.mark.parametrize("value", VALUES)
def test_a_schedule_whose_parameters_are_no_object_is_one_that_cannot_be_read(
    engine: Engine, value: str
) -> None:
    bad, good = engine.add(), engine.add()
    write(engine, bad.id, entities.schedule_key(bad.id), task_parameters=value)
    shown = {one.id for one in engine.app.lists.all()}
    assert good.id in shown and bad.id not in shown
    with pytest.raises(Damaged, match=f"the row of schedule {bad.id} cannot be read"):
        engine.app.manager.get(bad.id)
    engine.app.manager.delete(bad.id)
    assert engine.app.table.get(bad.id) is None


@pytest.mark.parametrize("name", ["parameters", "result"])
def test_a_job_whose_parameters_or_result_are_no_object_has_failed_and_is_shown(
    engine: Engine, name: str
) -> None:
    made = engine.add()
    engine.later(60)
    job = engine.work()[-1]
    write(engine, made.id, entities.job_key(job.id), **{name: "5"})
    (shown,) = [
        one
        for one in jobs.list_jobs(lambda: engine.app, LOCAL, schedule_id=made.id).jobs
        if one.id == job.id
    ]
    assert shown.status == "failed" and "cannot be read" in (shown.error or "")
