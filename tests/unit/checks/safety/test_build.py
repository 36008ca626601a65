"""The front-end build: what is served is what the sources give, and pages load nothing else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from checks.safety import build, pages, served
from checks.safety.finding import CouldNotRun, Problem

REPO = Path(__file__).parents[4]
SITE = pages.SITES[0]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for folder in (SITE.sources, SITE.assets):
        shutil.copytree(REPO / folder, tmp_path / folder)
    return tmp_path


def problems(root: Path) -> list[str]:
    return [one.what for one in build.check(root) if isinstance(one, Problem)]


def test_what_is_in_git_is_what_the_sources_give(copy: Path) -> None:
    assert problems(copy) == []


def test_a_changed_source_needs_a_build(copy: Path) -> None:
    source = copy / SITE.sources / "docs.js"
    source.write_text(source.read_text().replace("deepLinking: true", "deepLinking: false"))
    found = problems(copy)
    assert any("manifest.json is not what its sources give" in text for text in found)
    assert any("has no source" in text for text in found)
    build.write(copy)
    assert list(build.compare(build.built(copy, SITE), copy / SITE.assets, copy)) == []
    names = {path.name for path in (copy / SITE.assets).iterdir()}
    assert len(names) == 3 and "docs-0cc8482d37.js" not in names


@pytest.mark.parametrize("change", [lambda it: it.write_text("evil()"), lambda it: it.unlink()])
def test_a_built_file_that_somebody_changed_is_found(
    copy: Path, change: Callable[[Path], object]
) -> None:
    (built,) = (copy / SITE.assets).glob("docs-*.js")
    change(built)
    assert any(built.name in text for text in problems(copy))


def test_another_version_of_a_package_is_found(copy: Path) -> None:
    manifest = copy / SITE.assets / "manifest.json"
    found = json.loads(manifest.read_text())
    found["swagger-ui-bundle.js"]["integrity"] = "sha384-of-the-version-before"
    manifest.write_text(json.dumps(found, indent=2, sort_keys=True) + "\n")
    assert any("manifest.json" in text for text in problems(copy))


def test_a_source_that_is_no_script_is_not_built(copy: Path) -> None:
    (copy / SITE.sources / "docs.js").write_text("const = ;")
    with pytest.raises(CouldNotRun, match=r"web/docs/docs\.js"):
        problems(copy)


@pytest.mark.parametrize(
    ("html", "said"),
    [
        ('<script src="https://cdn.example.com/a-1.js" integrity="x"></script>', "another host"),
        ('<img src="//cdn.example.com/a.png">', "another host"),
        ('<script src="/api/docs/b.js"></script>', "not in the manifest"),
        ('<script src="/api/docs/a-1.js"></script>', "without its hash"),
        ('<script src="/api/docs/a-1.js" integrity="sha384-other"></script>', "without its hash"),
        ("<script>start()</script>", "a script in it"),
        ('<p onclick="start()">a</p>', "a script in it (onclick=)"),
    ],
)
def test_a_page_loads_nothing_else(html: str, said: str) -> None:
    files = [served.Served("a-1.js", "sha384-right")]
    (found,) = served.check({"page": html}, {}, files)
    assert said in found.what
    right = '<script src="/api/docs/a-1.js?code=x" integrity="sha384-right"></script>'
    assert list(served.check({"page": right}, {}, files)) == []


def test_a_mail_loads_nothing_from_anywhere() -> None:
    (found,) = served.check({}, {"mail": '<img src="https://example.com/pixel.png">'}, [])
    assert "mail loads https://example.com/pixel.png" in found.what
    assert list(served.check({}, {"mail": '<img src="cid:chart">'}, [])) == []
