"""Each schedule that a page shows as an example can be made: its shape, its time and its task's
parameters, as far as they need no storage."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import functions
from shared.api.schedules.shapes import NewSchedule

_PAGES = [Path("README.md"), *sorted(Path("docs").glob("*.md"))]
_SAID = re.compile(r"\{[^{}\[]*\"(?:project_id|name)\": ")
_TASKS = {task.name: task for task in functions.tasks()}


def _schedules(page: Path) -> Iterator[dict[str, Any]]:
    text, decoder = page.read_text(), json.JSONDecoder()
    for found in _SAID.finditer(text):
        try:
            body, _ = decoder.raw_decode(text, found.start())
        except ValueError:
            continue  # what an answer looks like, or shell
        if {"task_type", "frequency", "name"} <= body.keys() and "id" not in body:
            yield body


@pytest.mark.parametrize("page", _PAGES, ids=str)
def test_each_schedule_that_a_page_shows_can_be_made(page: Path) -> None:
    for body in _schedules(page):
        wanted = NewSchedule.model_validate(body).definition()
        _TASKS[wanted.task_type].parse(wanted.task_parameters)


def test_the_pages_of_customers_tasks_show_one_each() -> None:
    shown = {body["task_type"] for page in _PAGES for body in _schedules(page)}
    customers = {"webhook_delivery", "health_check", "analysis", "export", "batch", "sync", "mail"}
    assert customers <= shown
