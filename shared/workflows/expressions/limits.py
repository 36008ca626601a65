"""How large an expression, its values and its evaluation may be."""

SOURCE = 2048
"""Bytes of an expression's text, in UTF-8."""
DEEPEST = 32
"""How deep operations may stand in each other: `a + b + c` is 2 deep, `a.b.c` as well."""
NESTING = 2
"""How many macros may stand in each other's body: each multiplies the work by a list's length."""
LIST = 1000
"""Items of a list, and names of a map, that an expression makes or goes through."""
BUDGET = 100_000
"""Steps of an evaluation: one for each operation, and more for long texts and lists. A worker
does them in about 0.1 seconds."""
PER_STEP = 16
"""Characters of text that are handled in one step."""
RESULT = 64 * 1024
"""Characters of a result, as JSON."""
VALUES_DEEP = 64
"""How deep lists and maps of a result may stand in each other."""
