"""Front-end lint finds what is wrong in a script, a style sheet, a page, a mail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from checks.safety import lint, pages
from checks.safety.finding import Note, Problem

REPO = Path(__file__).parents[4]
PAGE = (
    '<!DOCTYPE html>\n<html lang="en">\n<head>\n<title>A</title>\n</head>\n'
    "<body>\n{}\n</body>\n</html>\n"
)


def test_our_own_pages_have_nothing() -> None:
    (found,) = lint.check(REPO)
    assert isinstance(found, Note) and "scripts: 1" in found.text


# Each tool takes its time to start, so it starts once for all cases.

SCRIPTS = {
    "no-unused-vars": "const unused = 1;",
    "no-undef": "document.title = missing;",
    "no-eval": "eval(location.hash);",
    "eqeqeq": "if (location.hash == 1) document.title = 1;",
    "Parsing error": "const = 1;",
}
STYLES = {
    "property-no-unknown": "a {\n  colour: red;\n}\n",
    "declaration-no-important": "a {\n  color: red !important;\n}\n",
    "declaration-block-no-duplicate-properties": "a {\n  width: 1;\n  width: 2;\n}\n",
    "CssSyntaxError": "a {\n",
}
PAGES = {
    "no-implicit-close": "<p>open",
    "no-dup-id": '<p id="a">a</p><p id="a">b</p>',
    "wcag/h37": '<img src="a.png">',
    "require-sri": '<script src="/a.js"></script>',
    "require-csp-nonce": "<script>document.title = 1;</script>",
    "no-inline-style": '<p style="color:red">a</p>',
    "element-name": "<belfry>a</belfry>",
}


def written(folder: Path, cases: Mapping[str, str], ending: str) -> list[Path]:
    files = [folder / f"{number}{ending}" for number in range(len(cases))]
    for file, text in zip(files, cases.values(), strict=True):
        file.write_text(text)
    return files


def each_is_found(cases: Iterable[str], ending: str, problems: Iterable[Problem]) -> None:
    found = [one.what for one in problems]
    for number, rule in enumerate(cases):
        of_file = [text for text in found if text.startswith(f"{number}{ending}:")]
        assert any(rule in text for text in of_file), (rule, found)


def test_what_is_wrong_in_scripts(tmp_path: Path) -> None:
    files = written(tmp_path, SCRIPTS, ".js")
    each_is_found(SCRIPTS, ".js", lint.lint_scripts(tmp_path, files))


def test_what_is_wrong_in_style_sheets(tmp_path: Path) -> None:
    files = written(tmp_path, STYLES, ".css")
    each_is_found(STYLES, ".css", lint.lint_styles(tmp_path, files))


def test_what_is_wrong_in_pages() -> None:
    texts = [PAGE.format(html) for html in ("<p>right</p>", *PAGES.values())]
    documents = {f"{number}.html": text for number, text in enumerate(texts, start=-1)}
    problems = list(lint.lint_html(documents, "pages.json"))
    each_is_found(PAGES, ".html", problems)
    assert not any(one.what.startswith("-1.html") for one in problems)


def test_a_mail_may_have_styles_in_it_but_no_error() -> None:
    styled = {"a.html": PAGE.format('<table style="width:100%"><tr><td>a</td></tr></table>')}
    assert list(lint.lint_html(styled, "mails.json")) == []
    wrong = {"a.html": PAGE.format("<p><table></table></p>")}
    assert list(lint.lint_html(wrong, "mails.json"))


def test_every_page_and_every_mail_is_looked_at() -> None:
    names = {"api-docs.html", "api-docs-with-key.html", "status-page.html"}
    assert set(pages.pages()) == names
    kinds = (
        *("approval_waiting", "cost_report", "customer_mail", "export_ready", "job_completed"),
        "weekly_report",
    )
    assert set(pages.mails()) == {f"{kind}.{tag}.html" for kind in kinds for tag in ("de", "en")}
    assert all("</html>" in html for html in (pages.pages() | pages.mails()).values())


def test_no_folder_of_the_front_end_is_left_out() -> None:
    """A folder of web/ that is on no list would be neither linted nor built."""
    folders = {path.relative_to(REPO).as_posix() for path in (REPO / "web").iterdir()}
    assert folders == {site.sources for site in pages.SITES}
