"""Expressions: as CEL has them, within limits, and with messages that say what would be right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import celpy
import celpy.adapter
import celpy.evaluation
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.workflows.expressions import (
    ExpressionError,
    TooCostly,
    Unevaluable,
    Unreadable,
    expressions_in,
    parse,
    resolve,
)
from shared.workflows.expressions.limits import BUDGET
from shared.workflows.expressions.values import plain
from tests.unit.workflows.generated import TRIGGER, deeper

VALUES: dict[str, Any] = {
    "trigger": TRIGGER,
    "run": {"started_at": datetime(2030, 1, 31, 8, tzinfo=UTC)},
    "steps": {"a": {"status": "succeeded", "result": {"count": 2}}},
}
_CEL = celpy.Environment()
_GIVEN: Any = {"trigger": celpy.adapter.json_to_cel(TRIGGER)}


def ours(text: str) -> object:
    try:
        return parse(text).evaluate(VALUES)
    except Unevaluable:
        return Unevaluable


def theirs(text: str) -> object:
    try:
        value = _CEL.program(_CEL.compile(text)).evaluate(_GIVEN)
    except celpy.evaluation.CELEvalError:
        return Unevaluable
    if isinstance(value, datetime):
        return plain(datetime.fromisoformat(value.isoformat()))
    return plain(value + timedelta()) if isinstance(value, timedelta) else value


@settings(max_examples=250)
@given(deeper)
def test_a_value_is_what_cel_says_or_both_have_none(text: str) -> None:
    assert ours(text) == theirs(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("trigger.n + 2 * 3 - -1", 10),
        ("-7 / 2 == -3 && -7 % 3 == -1", True),
        ("1 == 1.0 && 1 < 1.5 && 'a' != 1 && null == null && true != 1", True),
        ("trigger.gone || true", True),
        ("true || trigger.gone", True),
        ("!(trigger.gone && false)", True),
        ("trigger.numbers.exists(x, 1 / (x - 1) > 0)", True),
        ("trigger.rows.all(x, x.ok)", False),
        ("trigger.rows.map(x, has(x.ok), x.id)", [1, 3]),
        ("trigger.nested.map(x, x)", ["a", "n", "yes"]),
        ("trigger.rows.filter(r, r.id in [1, 3]).size()", 2),
        ("size('ä😀')", 2),
        ("string(3.0) + string(2.5) + string(true)", "32.5true"),
        ("run.started_at + duration('24h')", "2030-02-01T08:00:00Z"),
        ("run.started_at - timestamp('2030-01-31T07:59:59.75Z')", "0.25s"),
        ("int(timestamp('1970-01-01T00:01:00+00:00'))", 60),
        ("-9223372036854775808", -(2**63)),
        (r"'\x41\u00e4\U0001F600\101\'' + " + '"\\""', "Aä😀A'\""),
        ("steps['a'].result.count // a comment", 2),
        ("{'a': [1, {'b': null}]}", {"a": [1, {"b": None}]}),
        ("1.5e2 / 0.0 > 1e300", True),
        ("trigger.nested.a.b[1].c", "d"),
    ],
)
def test_values(text: str, value: object) -> None:
    found = parse(text).evaluate(VALUES)
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("trigger.emial", "column 8: there is no .emial; ask has"),
        ("trigger.emial", "did you mean email?"),
        ("triger.n", "column 1: there is no triger here; did you mean trigger?"),
        ("trigger.n + trigger.ratio", "column 11: int \\+ double: .* write double"),
        ("'a' + 1", "column 5: string \\+ int: .* write string"),
        ("trigger.n && true", "column 8: && takes true or false, and this is a int"),
        ("trigger.numbers[-1]", "column 16: there is no item -1: the list has 3, from 0 on"),
        ("9223372036854775807 + 1", "column 21: the number does not fit into 64 bits"),
        ("1 / 0", "column 3: division by zero"),
        ("int('1.5')", "column 1: int\\('1.5'\\): the text is no whole number"),
        ("trigger.words.contains('a')", "write `x in list`"),
        ("timestamp('tomorrow')", "is no instant in RFC 3339"),
        ("duration('1 day')", "is no duration, such as 90s"),
        ("1 < 'a'", "column 3: int < string: these cannot be compared"),
        ("timestamp('9999-12-31T23:59:59Z') + duration('1h')", "the years 1 to 9999"),
    ],
)
def test_an_error_says_where_and_what_would_be_right(text: str, said: str) -> None:
    with pytest.raises(Unevaluable, match=said):
        parse(text).evaluate(VALUES)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "column 1: it ends too early; give a value"),
        ("a = 1", "column 3: '=' cannot stand here; compare with =="),
        ("(1", "column 3: the end cannot stand here; close it with \\)"),
        ("'abc", "column 1: the text does not end"),
        ("a b", "column 3: 'b' cannot stand here; the value ended before"),
        ("matches('a')", "column 1: there is no matches\\(\\)"),
        ("a.startswith('a')", "column 3: .* did you mean startsWith?"),
        ("has(a)", "has\\(\\) takes a field"),
        ("a.map(x)", "map\\(\\) takes a name and an expression"),
        ("a.all(x, a.all(y, a.all(z, true)))", "at most 2 of all, exists"),
        ("1" * 30, "does not fit into 64 bits"),
        ("9223372036854775808", "does not fit into 64 bits"),
        ("1u", "unsigned numbers are left out"),
        ("a.in", "after . comes a name"),
        ("for", "a word of the language"),
        ("a ? b", "after \\? comes one value, then : and the other"),
        ("'" + "ä" * 1100 + "'", "more than 2,048 bytes"),
        ("+".join(["1"] * 60), "more than 32 operations"),
        ("[" * 200 + "]" * 200, "more than 32 operations"),
        ("a" + ".b" * 200, "more than 32 operations"),
        ("!" * 200 + "true", "more than 32 operations"),
        ("true?1:" * 200 + "1", "more than 32 operations"),
    ],
)
def test_what_is_no_expression_is_refused(text: str, said: str) -> None:
    with pytest.raises(Unreadable, match=said):
        parse(text)


@settings(max_examples=60)
@given(st.text("ä😀(){}[].,'\"\\ain01=!&|?:<+-$", max_size=60))
def test_any_text_is_an_expression_or_is_refused_with_its_column(text: str) -> None:
    try:
        parse(text)
    except Unreadable as error:
        assert 1 <= error.column <= len(text) + 1


LONG: dict[str, Any] = {"l": list(range(1000)), "big": "a" * 60_000, "texts": ["a" * 1000] * 1000}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("l.all(x, l.all(y, x + y >= 0))", f"more than {BUDGET:,} steps"),
        ("l + l", "the list has 2,000 items; 1,000 can be"),
        ("l.map(x, big + big)", f"more than {BUDGET:,} steps"),
        ("l.map(x, big)", "more than 65,536 characters as JSON"),
        ("l.map(x, l).map(y, [y, y, y]).map(z, [z, z, z])", "more than 65,536 characters"),
        ("[1].map(a, l.map(x, l)) == [1].map(b, l.map(y, l))", f"more than {BUDGET:,} steps"),
        ("texts.exists(t, texts.exists(u, u.contains('b')))", f"more than {BUDGET:,} steps"),
        ("(l.map(x, big) == 1) || l.all(x, l.all(y, true)) || true", f"more than {BUDGET:,} steps"),
        ("1.0 / 0.0", "the value is inf, which JSON does not have"),
    ],
)
def test_no_expression_goes_beyond_the_limits(text: str, said: str) -> None:
    with pytest.raises(TooCostly, match=said):
        parse(text).evaluate(LONG)


def test_what_it_takes_from_outside_is_known_without_its_value() -> None:
    text = (
        "has(steps.a.result.x) ? steps['b'].result : trigger.rows.filter(x, x.id == item.id)"
        ".map(trigger, trigger.id)"
    )
    assert parse(text).references() == {
        "steps.a.result.x",
        "steps.b.result",
        "trigger.rows",
        "item.id",
    }
    assert parse("steps[trigger.n].result").references() == {"steps", "trigger.n"}
    assert parse(text) is parse(text)


def test_texts_hold_expressions() -> None:
    given = {
        "count": "${{ steps.a.result.count }}",
        "text": "Dear ${{ trigger.email }}, ${{ trigger.n + 1 }} of ${{ trigger.numbers }}",
        "deep": [{"map": "${{ {'a': {'b': '}}'}} }}"}, 7, None],
        "plain": "$ {{ trigger.n }} }}",
        "literal": "${{ '${{' }} stays",
        "instant": "at ${{ run.started_at }}${{ null }}",
    }
    assert resolve(given, VALUES) == {
        "count": 2,
        "text": "Dear ada@example.com, 4 of [1,2,3]",
        "deep": [{"map": {"a": {"b": "}}"}}}, 7, None],
        "plain": "$ {{ trigger.n }} }}",
        "literal": "${{ stays",
        "instant": "at 2030-01-31T08:00:00Z",
    }
    found = list(expressions_in({**given, "wrong": ["ok", "x ${{ 1 + }}"]}))
    wrong = [one for one in found if one.wrong is not None]
    assert [one.place for one in wrong] == [("wrong", 1)]
    assert str(wrong[0].wrong) == "column 11: it ends too early; give a value"
    assert sum(one.expression is not None for one in found) == 8


@pytest.mark.parametrize(
    ("given", "kind", "said"),
    [
        ("ab ${{ trigger.gone }}", Unevaluable, "column 15: there is no .gone"),
        ("ab ${{ trigger.n", Unreadable, "column 4: .* is never closed"),
        ("ab ${{ {'a': 1} }", Unreadable, "column 4: .* is never closed"),
        (["${{ big }}"] * 2, TooCostly, "together, the values have more than 65,536 characters"),
        (["${{ l.all(x, x >= 0) }}"] * 50, TooCostly, f"more than {BUDGET:,} steps"),
    ],
)
def test_a_text_whose_expression_has_no_value_says_so(
    given: object, kind: type[ExpressionError], said: str
) -> None:
    with pytest.raises(kind, match=said):
        resolve(given, {**VALUES, **LONG})
