"""Back-end syntax: what does not compile on a supported Python, and what Azure would not load."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest

from checks.safety import syntax
from checks.safety.finding import Note, Problem

RUNNING = f"3.{sys.version_info.minor}"
RIGHT = """
    import azure.functions as func
    app = func.FunctionApp()

    @app.route(route="one")
    def one(req: func.HttpRequest) -> str:
        return "1"
"""


def compiled(folder: Path, text: str, version: str) -> list[str]:
    file = folder / "a.py"
    file.write_text(text)
    found = syntax.compiles([file], version, folder)
    return [one.what for one in found if isinstance(one, Problem)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def f(:\n", "invalid syntax"),
        ("x = 1\nreturn x\n", "outside function"),
        ('x = "\\d"\n', "invalid escape sequence"),
    ],
)
def test_a_file_that_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    (found,) = compiled(tmp_path, text, RUNNING)
    assert found.startswith("a.py:") and said in found and f"(Python {RUNNING})" in found


def test_what_only_a_newer_python_reads_is_found_on_the_oldest(tmp_path: Path) -> None:
    newer = "type Names = list[str]\n"
    (found,) = compiled(tmp_path, newer, "3.11")
    assert "a.py:1" in found
    if sys.version_info >= (3, 12):
        assert compiled(tmp_path, newer, RUNNING) == []


def test_where_a_python_is_missing_it_says_so_and_looks_as_well_as_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(syntax, "_python", lambda _: None)
    (tmp_path / "a.py").write_text("type Names = list[str]\n")
    note, problem = syntax.compiles([tmp_path / "a.py"], "3.11", tmp_path)
    assert isinstance(note, Note) and "3.11 is not on this machine" in note.text
    assert isinstance(problem, Problem) and "a.py:1" in problem.what


def loaded(folder: Path, app: str) -> list[str]:
    (folder / "function_app.py").write_text(textwrap.dedent(app))
    (folder / "host.json").write_text('{"version": "2.0"}')
    return [one.what for one in syntax.loads(folder) if isinstance(one, Problem)]


def test_a_right_app_loads(tmp_path: Path) -> None:
    assert loaded(tmp_path, RIGHT) == []


@pytest.mark.parametrize(
    ("app", "said"),
    [
        ("import nosuch\n", "No module named 'nosuch'"),
        ("import azure.functions as func\napp = func.FunctionApp()\n", "no functions"),
        (RIGHT.replace("one(req:", "one(my_req:").replace(
            '(route="one")', '(route="one", trigger_arg_name="my_req")'), "binding name 'my_req'"),
        (RIGHT.replace('"one")\n', '"%NO_SUCH%")\n'), "the setting NO_SUCH in %NO_SUCH% is not"),
        (RIGHT + '\n    @app.route(route="one")\n    def two(req: func.HttpRequest) -> str:\n'
         '        return "2"\n', "is also a route of"),
    ],
)  # fmt: skip
def test_what_azure_would_not_load_is_found(tmp_path: Path, app: str, said: str) -> None:
    assert any(said in text for text in loaded(tmp_path, app))
