"""What is decided without storage: fingerprints, what is new and gone, names, hosts."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.analysis import hosts, paths, prints
from shared.analysis.compare import compared
from shared.analysis.model import FindingState, Found, Tool
from shared.errors import Invalid
from tests.unit.analysis.making import found

HASHES = [
    ("", ["c129715d7a2bc9a3:1"]),
    (
        " a\nb\n  \t\tc\n d",
        ["271789c17abda88f:1", "54703d4cd895b18:1", "180aee12dab6264:1", "a23a3dc5e078b07b:1"],
    ),
    (
        " hello; \t\nworld!!!\n\n\n  \t\tGreetings\n End",
        [
            *("8b7cf3e952e7aeb2:1", "b1ae1287ec4718d9:1", "bff680108adb0fcc:1"),
            *("c6805c5e1288b612:1", "b86d3392aea1be30:1", "e6ceba753e1a442:1"),
        ],
    ),
]
"""What GitHub's own script makes of these texts."""


@pytest.mark.parametrize(("text", "hashes"), HASHES)
@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_a_fingerprint_is_that_of_github(text: str, hashes: list[str], end: str) -> None:
    made = prints.of_lines(text.replace("\n", end), range(1, 20))
    assert list(made.values()) == hashes


def test_equal_lines_are_numbered() -> None:
    text = "x" * 100 + "\n" + "x" * 100 + "\n"
    first, second, _ = prints.of_lines(text, {1, 2, 3}).values()
    assert first.endswith(":1") and second == first.replace(":1", ":2")


@given(st.text(max_size=300), st.text(alphabet="ab \n", max_size=50))
def test_a_line_keeps_its_fingerprint_when_it_moves(text: str, above: str) -> None:
    text = "unique\n" + text
    before = prints.of_lines(text, {1})[1]
    lines = above.count("\n") + 1
    assert prints.of_lines(f"{above}\n{text}", {lines + 1})[lines + 1] == before


def states(
    now: Sequence[Found], before: Sequence[Found], **more: object
) -> list[tuple[str, FindingState]]:
    looked = more.pop("looked", set(Tool))
    made = compared(now, before, looked=looked, **more)  # type: ignore[arg-type]
    return [(one.found.path, one.state) for one in made]


def test_what_is_new_the_same_and_gone() -> None:
    moved, edited = found(line=90), found(fingerprint="other:1")
    assert states([found()], []) == [("a.py", FindingState.NEW)]
    assert states([moved], [found()]) == [("a.py", FindingState.SAME)]
    assert states([edited], [found()]) == [("a.py", FindingState.GONE), ("a.py", FindingState.NEW)]
    assert states([], [found()]) == [("a.py", FindingState.GONE)]
    assert states([found(path="b.py")], [found()]) == [("b.py", FindingState.SAME)], (
        "the file moved"
    )
    copied = states([found(), found(path="b.py")], [found()])
    assert copied == [("a.py", FindingState.SAME), ("b.py", FindingState.NEW)]


def test_only_who_looked_at_everything_says_that_something_is_gone() -> None:
    assert states([], [found()], looked={Tool.RUFF}) == []
    assert states([], [found()], left_out={"a.py"}) == []


@given(st.lists(st.integers(0, 5)), st.lists(st.integers(0, 5)))
def test_each_finding_has_one_state(now: list[int], before: list[int]) -> None:
    def several(numbers: list[int]) -> list[Found]:
        return [found(path=f"{one % 2}.py", fingerprint=f"{one % 3}") for one in numbers]

    made = compared(several(now), several(before), looked=set(Tool))
    count = {state: sum(one.state is state for one in made) for state in FindingState}
    assert count[FindingState.NEW] + count[FindingState.SAME] == len(now)
    assert count[FindingState.GONE] + count[FindingState.SAME] == len(before)


@pytest.mark.parametrize(
    "name",
    [
        *(b"", b".", b"..", b"a/b", b"a\\b", b"a\nb", b"a\0b", b"\xff", b"x" * 201),
        *(b".git", b".GIT", b".git ", b".git.", b"git~1", b"GIT~12", ".g\u200cit".encode()),
        *(b"CON", b"nul", b"nul.txt", b"COM1", b"lpt9.x", b"a:b", b"a.", b"a ", b".git:x"),
    ],
)
def test_names_that_are_left_out(name: bytes) -> None:
    assert paths.wrong(name) is not None


@pytest.mark.parametrize(
    "name",
    [b"a", b".gitignore", b".github", b"console", "\u00e9\u3000.py".encode(), b"git", b"...x"],
)
def test_names_that_are_written(name: bytes) -> None:
    assert paths.wrong(name) is None


def test_names_that_are_one_for_some_systems() -> None:
    assert paths.folded("Stra\u00dfe") == paths.folded("STRASSE")
    assert paths.folded("e\u0301") == paths.folded("\u00c9")


ALLOWED = ["github.com", "*.example.com", "git.corp:8443"]


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        ("https://github.com/a/b.git", None),
        ("https://GitHub.com:443/a/b", None),
        ("https://x.example.com/a", None),
        ("https://git.corp:8443/a", None),
        ("https://git.corp/a", "no host"),
        ("https://example.com/a", "no host"),
        ("https://github.com.evil.com/a", "no host"),
        ("https://github.com:22/a", "no host"),
        ("http://github.com/a", "https://"),
        ("ssh://github.com/a", "https://"),
        ("ext::sh -c id", "https://"),
        ("file:///etc", "https://"),
        ("https://me:secret@github.com/a", "user or a password"),
        ("https://github.com/a?x=secret", r"\? or #"),
        ("https://[::1", "https://"),
    ],
)
def test_from_where_repositories_are_fetched(url: str, wrong: str | None) -> None:
    if wrong is None:
        return hosts.hold(url, ALLOWED)
    with pytest.raises(Invalid, match=wrong) as caught:
        hosts.hold(url, ALLOWED)
    assert "secret" not in str(caught.value)
    return None


def test_any_host() -> None:
    hosts.hold("https://anything.example.org:8443/a", ["*"])
    with pytest.raises(Invalid):
        hosts.hold("http://anything.example.org/a", ["*"])
