"""`python -m functions notifications preview`: what a kind of notification says, with the data of
its sample. It needs neither settings nor storage, and sends nothing."""

from __future__ import annotations

import argparse
import base64
import sys
from collections.abc import Sequence
from pathlib import Path

from shared.errors import Invalid
from shared.notifications import kinds, languages
from shared.notifications.content import Content

NAMES = ("notifications", "messages")
"""What the command is called."""


def main(words: Sequence[str]) -> int:
    """The exit code; `words` are those after the command's name. Raises `Invalid`."""
    asked = _parser().parse_args(words)
    if asked.kind is None:
        if asked.html is not None:
            raise Invalid("--html", f"name the kind as well: {', '.join(kinds.names())}")
        _list()
        return 0
    _preview(asked.kind, asked.language, asked.html)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m functions {NAMES[0]}",
        description="Show what a kind of notification says, with sample data.",
    )
    parser.add_argument("action", choices=["preview"], help="preview: show it, and send nothing")
    parser.add_argument("kind", nargs="?", help="which kind; without it, all kinds are listed")
    parser.add_argument(
        "--language",
        default=languages.DEFAULT,
        metavar="TAG",
        help=f"such as de or de-AT; there are {', '.join(languages.names())}",
    )
    parser.add_argument(
        "--html",
        type=Path,
        metavar="FILE",
        help="write the mail's HTML there, with its pictures in it, to be opened in a browser",
    )
    return parser


def _list() -> None:
    for name in kinds.names():
        sys.stdout.write(f"{name:26} {kinds.kind(name).channel:6} {kinds.summary(name)}\n")


def _preview(kind: str, language: str, file: Path | None) -> None:
    from shared.notifications.rendering import render

    found = kinds.kind(kind)
    if file is not None and found.channel != kinds.MAIL:
        raise Invalid("--html", f"{kind} is a text message, which has no HTML; leave --html out")
    content = render(kind, found.sample, language)
    if file is not None:
        _write(file, content)
    head = [f"kind      {kind}", f"language  {languages.find(language).tag}"]
    lines = [*head, *_about(found.channel, content), "", content.text]
    if file is not None:
        lines += ["", f"The HTML is in {file}"]
    sys.stdout.write("\n".join(lines) + "\n")


def _about(channel: str, content: Content) -> list[str]:
    if channel == kinds.MAIL:
        html, images = len(content.html.encode()), ", ".join(content.images) or "none"
        return [f"subject   {content.subject}", f"html      {html} bytes; pictures: {images}"]
    from shared.notifications.segments import size

    found = size(content.text)
    return [
        f"encoding  {found.encoding}",
        f"size      {found.units} units, segments: {found.segments}",
    ]


def _write(file: Path, content: Content) -> None:
    """Raises `Invalid`."""
    html = content.html
    for name, image in content.images.items():
        data = base64.b64encode(image).decode("ascii")
        html = html.replace(f'"cid:{name}"', f'"data:image/png;base64,{data}"')
    try:
        file.write_text(html, "utf-8")
    except OSError as error:
        raise Invalid("--html", f"{file} cannot be written: {error.strerror}") from error
