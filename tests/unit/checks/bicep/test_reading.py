"""Bicep is read as its grammar says; the grammar of tree-sitter is a second opinion."""

from pathlib import Path

import pytest
import tree_sitter
import tree_sitter_bicep

from checks.bicep.problem import Report
from checks.bicep.syntax import tree
from checks.bicep.syntax.statements import statements
from tests.unit.checks.bicep.deployments import SOUND

KINDS = {
    "import_functionality": tree.Import,
    "metadata_declaration": tree.Metadata,
    "module_declaration": tree.Module,
    "output_declaration": tree.Output,
    "parameter_declaration": tree.Parameter,
    "resource_declaration": tree.Resource,
    "target_scope_assignment": tree.TargetScope,
    "type_declaration": tree.NamedType,
    "user_defined_function": tree.Function,
    "variable_declaration": tree.Variable,
}


def read(source: str) -> tuple[tuple[tree.Statement, ...], list[str]]:
    report = Report(Path("main.bicep"))
    found = statements(source, report)
    return found, [f"{problem.line}: {problem.message}" for problem in report.problems]


def value(source: str) -> tree.Expression:
    """The expression that the source is."""
    found, problems = read(f"var x = {source}")
    assert problems == []
    assert isinstance(found[0], tree.Variable)
    return found[0].value


def shape(of: tree.Expression) -> str:
    """The expression with a parenthesis around each part."""
    match of:
        case tree.Binary(operator=operator, left=left, right=right):
            return f"({shape(left)} {operator} {shape(right)})"
        case tree.Ternary(condition=condition, yes=yes, no=no):
            return f"({shape(condition)} ? {shape(yes)} : {shape(no)})"
        case tree.Unary(operator=operator, operand=operand):
            return f"({operator}{shape(operand)})"
        case tree.Lambda(parameters=parameters, body=body):
            return f"({', '.join(parameters)} => {shape(body)})"
        case tree.Member(of=inner, name=name, safe=safe):
            return f"({shape(inner)}{'.?' if safe else '.'}{name})"
        case tree.Call(name=name, arguments=arguments):
            return f"{name}({', '.join(map(shape, arguments))})"
    return of.text


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("a + b * c - d", "((a + (b * c)) - d)"),
        ("a || b && c == d", "(a || (b && (c == d)))"),
        ("a ?? b || c", "(a ?? (b || c))"),
        ("!a.b && -c < 1", "((!(a.b)) && ((-c) < 1))"),
        ("a ? b : c ? d : e.f", "(a ? b : (c ? d : (e.f)))"),
        ("a\n  ? b\n  : c", "(a ? b : c)"),
        ("(a + b) * c", "((a + b) * c)"),
        ("map(a, x => x.b == 'c' ? x.d : 1)", "map(a, (x => (((x.b) == 'c') ? (x.d) : 1)))"),
        ("reduce(a, 0, (all, x) => all + x.b)", "reduce(a, 0, (all, x => (all + (x.b))))"),
        ("a.?b!.c", "a.?b!.c"),
    ],
)
def test_precedence(source: str, wanted: str) -> None:
    found = shape(value(source))
    assert found.replace("(a.?b!.c)", "a.?b!.c") == wanted


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        (r"'it\'s \u{41} \${x} \\ \n'", "it's A ${x} \\ \n"),
        ("'''\nfirst 'line'\n  ${second}\n'''", "first 'line'\n  ${second}\n"),
        ("''", ""),
        ("-7", -7),
        ("true", True),
        ("null", None),
    ],
)
def test_literals(source: str, wanted: str | int | None) -> None:
    found = value(source)
    assert isinstance(found, tree.Literal)
    assert found.value == wanted


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("'a${b}c${d.e}'", ["a", "b", "c", "d.e"]),
        ("'${a ? 'x' : '${b}'}'", ["a ? 'x' : '${b}'"]),
        ("'${ { a: '}' }.a }'", ["{ a: '}' }.a"]),
        ("$'''a ${b} c'''", ["a ", "b", " c"]),
    ],
)
def test_interpolations(source: str, wanted: list[str]) -> None:
    found = value(source)
    assert isinstance(found, tree.Interpolated)
    assert [part if isinstance(part, str) else part.text for part in found.parts] == wanted


def test_reading_goes_on_after_a_mistake_and_knows_the_lines() -> None:
    found, problems = read(
        "// a comment\nparam a\n\n@secure()\nparam b string /* two\nlines */\n"
        "var c = [1 2]\nvar d = 1\n"
    )
    assert [statement.name for statement in found] == ["b", "d"]
    assert [found[0].line, found[1].line] == [5, 8]
    assert problems == [
        "2: syntax: a type is expected, not the end of the line",
        "7: syntax: a comma, a new line or `]` is expected, not `2`",
    ]


@pytest.mark.parametrize(
    "path", sorted(SOUND.rglob("*.bicep")), ids=lambda path: str(path.relative_to(SOUND))
)
def test_another_grammar_finds_the_same_statements(path: Path) -> None:
    """That grammar, 1.1.0, knows no spread and no `?` after the type of another file."""
    source = path.read_text(encoding="utf-8")
    found, problems = read(source)
    assert problems == []
    known = source.replace("...", "spread: ").replace("shared.extra?", "object?")
    language = tree_sitter.Language(tree_sitter_bicep.language())
    root = tree_sitter.Parser(language).parse(known.encode()).root_node
    assert not root.has_error
    others = [node for node in root.named_children if node.type in KINDS]
    assert [type(statement) for statement in found] == [KINDS[node.type] for node in others]
    assert [statement.line for statement in found] == [
        _name(node).start_point[0] + 1 for node in others
    ]


def _name(node: tree_sitter.Node) -> tree_sitter.Node:
    """The name that a statement declares; the statement itself where there is none."""
    names = [child for child in node.named_children if child.type == "identifier"]
    return names[0] if names else node
