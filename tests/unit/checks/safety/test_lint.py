"""Front-end lint finds what is wrong in a script, a style sheet, a page, a mail."""

from __future__ import annotations

from pathlib import Path

import pytest

from checks.safety import lint, pages
from checks.safety.finding import Note

REPO = Path(__file__).parents[4]
PAGE = (
    '<!DOCTYPE html>\n<html lang="en">\n<head>\n<title>A</title>\n</head>\n'
    "<body>\n{}\n</body>\n</html>\n"
)


def test_our_own_pages_have_nothing() -> None:
    (found,) = lint.check(REPO)
    assert isinstance(found, Note) and "scripts: 1" in found.text


@pytest.mark.parametrize(
    ("script", "rule"),
    [
        ("const unused = 1;", "no-unused-vars"),
        ("document.title = missing;", "no-undef"),
        ("eval(location.hash);", "no-eval"),
        ("if (location.hash == 1) document.title = 1;", "eqeqeq"),
        ("const = 1;", "Parsing error"),
    ],
)
def test_a_script(tmp_path: Path, script: str, rule: str) -> None:
    (tmp_path / "a.js").write_text(script)
    (found,) = lint.lint_scripts(tmp_path, [tmp_path / "a.js"])
    assert found.what.startswith("a.js:1: ") and rule in found.what


@pytest.mark.parametrize(
    ("style", "rule"),
    [
        ("a {\n  colour: red;\n}\n", "property-no-unknown"),
        ("a {\n  color: red !important;\n}\n", "declaration-no-important"),
        ("a {\n  width: 1;\n  width: 2;\n}\n", "declaration-block-no-duplicate-properties"),
        ("a {\n", "CssSyntaxError"),
    ],
)
def test_a_style_sheet(tmp_path: Path, style: str, rule: str) -> None:
    (tmp_path / "a.css").write_text(style)
    found = list(lint.lint_styles(tmp_path, [tmp_path / "a.css"]))
    assert any(one.what.startswith("a.css:") and rule in one.what for one in found)


@pytest.mark.parametrize(
    ("html", "rule"),
    [
        ("<p>open", "no-implicit-close"),
        ('<p id="a">a</p><p id="a">b</p>', "no-dup-id"),
        ('<img src="a.png">', "wcag/h37"),
        ('<script src="/a.js"></script>', "require-sri"),
        ("<script>document.title = 1;</script>", "require-csp-nonce"),
        ('<p style="color:red">a</p>', "no-inline-style"),
        ("<belfry>a</belfry>", "element-name"),
    ],
)
def test_a_page(html: str, rule: str) -> None:
    found = [one.what for one in lint.lint_html({"a.html": PAGE.format(html)}, "pages.json")]
    assert any(text.startswith("a.html:") and rule in text for text in found), found


def test_a_mail_may_have_styles_in_it_but_no_error() -> None:
    styled = {"a.html": PAGE.format('<table style="width:100%"><tr><td>a</td></tr></table>')}
    assert list(lint.lint_html(styled, "mails.json")) == []
    wrong = {"a.html": PAGE.format("<p><table></table></p>")}
    assert list(lint.lint_html(wrong, "mails.json"))


def test_every_page_and_every_mail_is_looked_at() -> None:
    assert set(pages.pages()) == {"api-docs.html", "api-docs-with-key.html"}
    assert set(pages.mails()) == {"cost_report.de.html", "cost_report.en.html"}
    assert all("</html>" in html for html in (pages.pages() | pages.mails()).values())


def test_no_folder_of_the_front_end_is_left_out() -> None:
    """A folder of web/ that is on no list would be neither linted nor built."""
    folders = {path.relative_to(REPO).as_posix() for path in (REPO / "web").iterdir()}
    assert folders == {site.sources for site in pages.SITES}
