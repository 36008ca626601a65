"""The OpenAPI description: what clients are made of, and whether it tells the truth."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest
from pydantic import BaseModel

from shared.api import said
from shared.api.alerts import routes as alerts
from shared.api.applied import shapes as applied
from shared.api.approvals import shapes as approvals
from shared.api.backups import orders as backup_orders
from shared.api.batches import shapes as batches
from shared.api.billing import routes as billing
from shared.api.budgets import shapes as budgets
from shared.api.calendars import shapes as calendars
from shared.api.deliveries import shapes as deliveries
from shared.api.examples import BODIES, PARAMETERS, PROBLEMS
from shared.api.exports import routes as exports
from shared.api.jobs import routes as jobs
from shared.api.keys import shapes as keys
from shared.api.plans import shapes as plan_schemas
from shared.api.problems import Problem
from shared.api.query import instant
from shared.api.resources.shapes import repositories, resource, targets, webhooks
from shared.api.runs import shapes as runs
from shared.api.schedules import backfills
from shared.api.schedules import shapes as schemas
from shared.api.status_pages import shapes as status_pages
from shared.api.workflows import shapes as workflows
from shared.errors import Invalid
from shared.workflows import written
from tests.unit.api.asking import asked, operations, stateless

IDS = """
accept_backup acknowledge_alert approve backfill_schedule cancel_backfill cancel_job cancel_run
change_calendar change_key change_plan change_repository change_schedule change_status_page
change_target change_webhook change_workflow check_workflow complete_batch_file create_batch_file
create_calendar create_feed create_key create_plan create_repository create_schedule
create_status_page create_target create_webhook create_workflow delete_backup delete_batch_file
delete_calendar delete_export delete_plan delete_project_budget delete_repository delete_schedule
delete_schedule_budget delete_status_page delete_target delete_webhook delete_workflow disable_plan
disable_repository disable_schedule disable_target disable_webhook draw_run draw_workflow
enable_plan enable_repository enable_schedule enable_target enable_webhook execute_schedule
forget_applied import_calendar keep_applied link_backup link_batch link_export list_alerts
list_analyses list_applied list_approvals list_audit list_backfills list_backups list_batch_files
list_batch_items list_batches list_budgets list_calendars list_campaigns list_circuits
list_closed_days list_conflicts list_countries list_deliveries list_due_schedules list_events
list_exports list_feeds list_findings list_health_check_events list_health_check_results
list_health_checks list_jobs list_keys list_marketing_cycles list_messages list_notifications
list_occurrences list_plans list_reports list_repositories list_runs list_schedule_audit
list_schedules list_sources list_status_pages list_step_jobs list_sync_items list_syncs list_targets
list_task_types list_tasks list_unhealthy_schedules list_usage list_webhooks list_weekly_reports
list_workflow_versions list_workflows preview_new_schedule preview_schedule put_project_budget
put_repository put_schedule_budget put_target put_webhook put_workflow read_alert read_analysis
read_applied read_approval read_backfill read_backup read_batch read_billing read_calendar
read_caller read_cost_chart read_cost_report read_costs read_delivery read_export read_health
read_health_check read_health_check_history read_health_summary read_heartbeat read_job read_key
read_message read_metrics read_notification read_plan read_project_budget read_repository read_run
read_sarif read_scaling read_schedule read_schedule_budget read_status_page read_sync read_target
read_task_type read_webhook read_weekly_report read_workflow read_workflow_schema
read_workflow_version redeliver redeliver_many reject restore_backup resume_billing retry_job
retry_run retry_schedule revoke_feed revoke_key rotate_webhook run_plan scrape_metrics
send_batch_file_part send_event start_run summarize_days summarize_schedules test_webhook
try_retention verify_backup
"""
"""People's code has these: add to them, and rename none."""


def parameters() -> dict[str, dict[str, Any]]:
    """Each parameter by its name."""
    return {one["name"]: one for _, _, what in operations() for one in what.get("parameters", ())}


def test_operations_have_names_that_stay() -> None:
    assert sorted(what["operationId"] for _, _, what in operations()) == IDS.split()


def test_each_schema_has_a_title_of_its_own() -> None:
    found = stateless().openapi()["components"]["schemas"]
    titles = Counter(schema.get("title", name) for name, schema in found.items())
    assert [title for title, times in titles.items() if times > 1] == []
    assert [name for name in found if not re.fullmatch("[A-Za-z]+", name)] == []


def test_a_key_is_asked_for_in_the_header_or_in_the_query() -> None:
    spec = stateless().openapi()
    schemes = spec["components"]["securitySchemes"]
    places = [(one["type"], one["in"], one["name"]) for one in schemes.values() if "in" in one]
    assert places == [("apiKey", "header", "x-functions-key"), ("apiKey", "query", "code")]
    assert schemes["key_of_caller"]["scheme"] == "bearer"
    assert spec["security"] == [
        {"key_of_caller": [], "key_in_header": []},
        {"key_of_caller": [], "key_in_query": []},
    ]


def test_each_body_has_examples_that_its_model_takes() -> None:
    modules = (
        schemas,
        backfills,
        jobs,
        plan_schemas,
        backup_orders,
        batches,
        billing,
        alerts,
        keys,
        calendars,
        applied,
        budgets,
        repositories,
        targets,
        resource,
        webhooks,
        deliveries,
        exports,
        status_pages,
        workflows,
        written,
        approvals,
        runs,
    )
    taken = set()
    for _, _, what in operations():
        if "requestBody" not in what:
            continue
        content = what["requestBody"]["content"]["application/json"]
        name = re.findall(r"schemas/(\w+)", str(content["schema"]))[0]
        model: type[BaseModel] = next(vars(one)[name] for one in modules if name in vars(one))
        shown = [one["value"] for one in content["examples"].values()]
        assert shown
        for value in shown:
            model.model_validate(value)
        taken.add(name)
    assert taken == BODIES.keys()


def test_examples_of_parameters_and_problems_are_right() -> None:
    found = parameters()
    for name, value in PARAMETERS.items():
        schema = found[name]["schema"]
        assert found[name]["example"] == value
        assert re.search(schema.get("pattern", ""), str(value))
    for status, document in PROBLEMS.items():
        assert Problem.model_validate(document, strict=True).status == status


def test_each_parameter_is_described() -> None:
    without = [
        (what["operationId"], one["name"])
        for _, _, what in operations()
        for one in what.get("parameters", ())
        if not one.get("description")
    ]
    assert without == []
    assert sorted(said.PARAMETERS) == sorted(parameters()), "and no other"


def test_a_parameter_that_is_left_out_is_not_null() -> None:
    for name, one in parameters().items():
        assert "null" not in str(one["schema"]), name


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("2030-01-31T09:00:00Z", True),
        ("2030-01-31T09:00:00.123456+02:00", True),
        ("2030-01-31 09:00-0200", True),
        ("20300131T090000Z", False),
        ("2030-W05-4T09:00Z", False),
        ("2030-01-31T09:00:00", False),
        ("2030-01-31", False),
        ("now", False),
    ],
)
def test_the_pattern_of_instants_is_what_is_taken(text: str, is_one: bool) -> None:
    pattern = parameters()["from"]["schema"]["pattern"]
    assert (re.search(pattern, text) is not None) is is_one
    if is_one:
        assert instant("from", text) is not None
    else:
        with pytest.raises(Invalid, match=r"such as 2030-01-31T0[09]:00:00Z"):
            instant("from", text)


@pytest.mark.parametrize("wrong", ["1f0c", "1F0C3A9D", "1f0c3a9d-", "0" * 33, "plan"])
def test_the_pattern_of_backups_ids_is_what_is_taken(wrong: str) -> None:
    pattern = parameters()["backup_id"]["schema"]["pattern"]
    for right in ("1f0c3a9d", "0" * 32):
        assert re.search(pattern, right)
    assert not re.search(pattern, wrong)
    answer = asked("GET", f"/api/v1/backups/{wrong}")
    assert answer.status_code == 422 and "32 hex digits" in answer.json()["detail"]


def test_what_a_field_takes_is_described() -> None:
    found = stateless().openapi()["components"]["schemas"]
    plan, retention = found["NewPlan"]["properties"], found["Retention"]
    assert re.search(plan["schedule_time"]["anyOf"][0]["pattern"], "23:59")
    assert [one.get("minItems") for one in plan["databases"]["anyOf"]] == [None, 1, None]
    assert plan["timezone"]["anyOf"][0]["minLength"] == 1
    assert retention["minProperties"] == 1 and retention["additionalProperties"] is False


def test_what_a_route_alone_may_answer_is_there() -> None:
    found = {what["operationId"]: what["responses"] for _, _, what in operations()}
    assert "404" in found["list_usage"]
    assert "404" in found["try_retention"] and "409" in found["read_plan"]
    for _, _, what in operations():
        assert "401" in what["responses"]
        assert ("requestBody" in what) == ({"400", "411", "413", "415"} <= what["responses"].keys())
        assert list(what["responses"]) == sorted(what["responses"])
