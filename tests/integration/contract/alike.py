"""Whether an answer is as an example has it: its keys, and the kinds of its values."""

from __future__ import annotations

from datetime import datetime
from typing import Any


def differences(answer: Any, example: Any, where: str = "answer") -> list[str]:
    """What is not alike. An answer may have more keys; a null stays null; a text that is an instant
    is one; of a list, each item is like the example's first."""
    match example:
        case dict():
            if not isinstance(answer, dict):
                return [f"{where} is no object: {answer!r}"]
            return [
                said
                for key, value in example.items()
                for said in (
                    differences(answer[key], value, f"{where}.{key}")
                    if key in answer
                    else [f"{where}.{key} is missing"]
                )
            ]
        case list():
            if not isinstance(answer, list) or not answer:
                return [f"{where} is no list, or empty: {answer!r}"]
            return [
                said
                for number, item in enumerate(answer)
                for said in differences(item, example[0], f"{where}[{number}]")
            ]
    return [] if _alike(answer, example) else [f"{where} is {answer!r}, not like {example!r}"]


def _alike(answer: Any, example: Any) -> bool:
    match example:
        case None | bool():
            return type(answer) is type(example)
        case int() | float():
            return isinstance(answer, int | float) and not isinstance(answer, bool)
        case str():
            return isinstance(answer, str) and bool(answer) and _instant(answer, example)
    raise AssertionError(f"no such example: {example!r}")


def _instant(answer: str, example: str) -> bool:
    try:
        datetime.fromisoformat(example)
    except ValueError:
        return True
    return datetime.fromisoformat(answer).tzinfo is not None
