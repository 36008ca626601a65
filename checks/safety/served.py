"""What pages load: only files of the manifest, with their hashes, from no other host; and no script
within a page, which a strict content security policy refuses. Mails load nothing from anywhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import urlsplit

from checks.safety.finding import Problem

_LOADS = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src"}
_BUILD_IN = "put it into a file of web/, and load that file by its name in the manifest"


@dataclass(frozen=True, slots=True)
class Served:
    """A file of the manifest."""

    file: str
    integrity: str


def check(
    pages: Mapping[str, str], mails: Mapping[str, str], files: Sequence[Served]
) -> Iterator[Problem]:
    """Every page and every mail."""
    known = {one.file: one.integrity for one in files}
    for name, html in pages.items():
        yield from _page(name, _parsed(html), known)
    for name, html in mails.items():
        yield from _mail(name, _parsed(html))


class _Parsed(HTMLParser):
    """What a document loads, and which scripts stand in it."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[tuple[str, str | None]] = []
        """URL, integrity."""
        self.inline: list[str] = []
        self._in_script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        url = given.get(_LOADS.get(tag, ""))
        if url:
            self.loads.append((url, given.get("integrity")))
        self._in_script = tag == "script"
        self.inline += [f"{name}=" for name in given if name.startswith("on")]

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002
        self._in_script = False

    def handle_data(self, data: str) -> None:
        if self._in_script and data.strip():
            self.inline.append("<script>")


def _parsed(html: str) -> _Parsed:
    parsed = _Parsed()
    parsed.feed(html)
    parsed.close()
    return parsed


def _page(name: str, parsed: _Parsed, known: Mapping[str, str]) -> Iterator[Problem]:
    for inline in parsed.inline:
        yield Problem(f"{name} has a script in it ({inline})", _BUILD_IN)
    for url, integrity in parsed.loads:
        place = urlsplit(url)
        file = place.path.rpartition("/")[2]
        if place.scheme or place.netloc:
            yield Problem(f"{name} loads {url} from another host", _BUILD_IN)
        elif file not in known:
            yield Problem(f"{name} loads {url}, which is not in the manifest", _BUILD_IN)
        elif integrity != known[file] and not file.endswith(".png"):
            yield Problem(f"{name} loads {url} without its hash", "write the manifest's hash")


def _mail(name: str, parsed: _Parsed) -> Iterator[Problem]:
    for inline in parsed.inline:
        yield Problem(f"{name} has a script in it ({inline})", "remove it: mail runs no script")
    for url, _ in parsed.loads:
        if urlsplit(url).scheme != "cid":
            yield Problem(f"{name} loads {url}", "attach it, and refer to it as cid:NAME")
