"""Expressions for tests, each of a type that fits. Some have no value all the same: a name is
missing, a number is too large, a text is no number, an item is beyond the end."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

Texts = st.SearchStrategy[str]

TRIGGER = {
    "n": 3,
    "zero": 0,
    "ratio": 2.5,
    "email": "ada@example.com",
    "empty": "",
    "yes": True,
    "numbers": [1, 2, 3],
    "words": ["a", "bc", ""],
    "none": [],
    "nested": {"a": {"b": [1, {"c": "d"}]}, "n": 1, "yes": False},
    "rows": [{"id": 1, "ok": True}, {"id": 2}, {"id": 3, "ok": False}],
}
_SIGNS = ["==", "!=", "<", "<=", ">", ">="]
_INTS = ["0", "1", "-1", "7", "9223372036854775807", "trigger.n", "trigger.zero", "0x1F"]
_DOUBLES = ["0.5", "-2.0", "1e3", "trigger.ratio", "0.0"]
_STRINGS = ["''", '"ada"', "trigger.email", "trigger.empty", r'"\u00e4\n"', "'12'", "'true'"]
_BOOLS = ["true", "false", "trigger.yes", "has(trigger.n)", "has(trigger.gone)", "'n' in trigger"]
_MISSING = ["trigger.gone", "trigger.nested.gone.b", "trigger.nested['x']"]
_TIMES = ["timestamp('2030-02-28T23:59:59Z')", "timestamp('1969-12-31T23:00:00.25+01:00')"]
_SPANS = ["duration('90s')", "duration('-1.5h')", "duration('24h')", "duration('1m30s')"]


@dataclass(frozen=True)
class Typed:
    """Expressions of each type, so and so deep."""

    ints: Texts
    doubles: Texts
    strings: Texts
    bools: Texts
    lists: Texts
    times: Texts
    spans: Texts


_PLAIN = Typed(
    ints=st.sampled_from(_INTS + _MISSING),
    doubles=st.sampled_from(_DOUBLES),
    strings=st.sampled_from(_STRINGS),
    bools=st.sampled_from(_BOOLS + _MISSING),
    lists=st.sampled_from(["trigger.numbers", "trigger.none", "[1]"]),
    times=st.sampled_from(_TIMES),
    spans=st.sampled_from(_SPANS),
)


def _two(of: Texts, signs: str | list[str]) -> Texts:
    return st.builds("({} {} {})".format, of, st.sampled_from(list(signs)), of)


def _grown(of: Typed) -> Typed:
    """One operation deeper. Left out is what cel-python 0.5 has not as CEL has it: operations of
    wrong types (its bool is an int), `map` with a condition, methods of a text that was added."""

    def chosen(plain: Texts, *more: Texts) -> Texts:
        choice = st.builds("({} ? {} : {})".format, of.bools, plain, plain)
        return st.one_of(plain, choice, *more)

    return Typed(
        ints=chosen(
            of.ints,
            _two(of.ints, "+-*/%"),
            st.builds("(-{})".format, of.ints),
            st.builds("int({})".format, st.one_of(of.doubles, of.strings)),
            st.builds("size({})".format, st.one_of(of.strings, of.lists, st.just("trigger"))),
            st.builds("{}.size()".format, st.one_of(of.strings, of.lists)),
            st.builds("{}[{}]".format, of.lists, st.sampled_from(["0", "2", "3", "trigger.n"])),
        ),
        doubles=chosen(
            of.doubles,
            _two(of.doubles, "+-*"),
            st.builds("double({})".format, st.one_of(of.ints, of.strings)),
        ),
        strings=chosen(
            of.strings,
            st.builds("string({})".format, _two(of.strings, "+")),
            st.builds("string({})".format, of.ints),
        ),
        bools=chosen(of.bools, *_conditions(of)),
        lists=chosen(
            of.lists,
            st.builds("[{}, {}]".format, of.ints, of.ints),
            _two(of.lists, "+"),
            st.builds("{}.filter(x, {})".format, of.lists, st.sampled_from(["x > 1", "x in [2]"])),
            st.builds("{}.map(x, {})".format, of.lists, st.sampled_from(["x", "x * 2", "9 / x"])),
        ),
        times=chosen(of.times, st.builds("({} + {})".format, of.times, of.spans)),
        spans=chosen(of.spans, _two(of.times, "-"), _two(of.spans, "+-")),
    )


def _conditions(of: Typed) -> list[Texts]:
    """What is true or false."""
    compared = (of.ints, of.doubles, of.strings, of.times, of.spans)
    macros = st.sampled_from(["all", "exists", "exists_one"])
    conditions = ["x == 1", "x > 1", "1 / (x - 1) > 0", "trigger.numbers.exists(y, y + 1 == x)"]
    of_rows = ["x.ok", "has(x.ok)", "has(x.ok) && x.ok", "!has(x.ok) || x.ok", "x.id == 2"]
    return [
        _two(of.bools, ["&&", "||"]),
        st.builds("!{}".format, of.bools),
        *(_two(one, _SIGNS) for one in compared),
        _two(of.lists, ["==", "!="]),
        st.builds("({} in {})".format, of.ints, of.lists),
        st.builds("({} in {})".format, of.strings, st.sampled_from(["trigger", "trigger.words"])),
        st.builds("{}.contains({})".format, of.strings, of.strings),
        st.builds("{}.startsWith({})".format, of.strings, of.strings),
        st.builds("{}.endsWith({})".format, of.strings, of.strings),
        st.builds("bool({})".format, st.sampled_from(["'true'", "'false'", "'x'", "trigger.yes"])),
        st.builds("{}.{}(x, {})".format, of.lists, macros, st.sampled_from(conditions)),
        st.builds("trigger.rows.{}(x, {})".format, macros, st.sampled_from(of_rows)),
    ]


def _any(of: Typed) -> Texts:
    return st.one_of(of.bools, of.ints, of.lists, of.doubles, of.strings, of.times, of.spans)


expressions: Texts = _any(_grown(_grown(_PLAIN)))
deeper: Texts = _any(_grown(_grown(_grown(_PLAIN))))
