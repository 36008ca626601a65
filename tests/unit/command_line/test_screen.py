"""What a narrow terminal shows of a table, and how a value stands in a cell."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from belfry import screen

LIST = ["id", "name", "project", "task", "state", "next", "last", "success"]
ROW = [
    "appointment_reminders_24h", "appointment_reminders_24h", "1", "appointment_reminders_24h",
    "healthy", "2026-11-30T01:00:00Z", "2026-11-30T00:00:00Z", "100.0",
]  # fmt: skip


def test_a_list_of_schedules_fits_into_eighty_letters() -> None:
    shown, least = screen.fitting(LIST, [ROW], 80)
    assert [LIST[at] for at in shown] == ["id", "name", "project", "state", "next"]
    assert least <= 80
    assert screen.fitting(LIST, [ROW], 200)[0] == list(range(len(LIST)))


def test_ids_and_instants_need_their_whole_length() -> None:
    long = "x" * 90
    assert screen.fitting(["id", "error"], [[long, "e" * 90]], 80) == ([0, 1], 90 + 2 + 12)
    assert screen.fitting(["at"], [["2026-11-30T01:00:00Z"]], 5) == ([0], 20)


@given(some.lists(some.text(max_size=60), min_size=8, max_size=8), some.integers(1, 300))
def test_what_is_left_out_is_no_more_than_needed(row: list[str], width: int) -> None:
    shown, least = screen.fitting(LIST, [row], width)
    assert {"id", "name", "state", "next"} <= {LIST[at] for at in shown}
    assert least <= width or not {"success", "task", "last"} & {LIST[at] for at in shown}


def test_objects_within_objects_are_json() -> None:
    cost = {"requests": 3, "costs": [{"kind": "compute", "micros": 1.5}], "names": ["a", "b"]}
    assert screen.cell(cost) == 'requests=3 costs=[{"kind": "compute", "micros": 1.5}] names=a, b'
    assert screen.cell({"a": {"b": "\x1b[31m"}}) == 'a={"b": "\\u001b[31m"}'
