"""What stands for an id in a path. `/schedules/preview` is a path of its own, and no schedule."""

from __future__ import annotations

from starlette.convertors import Convertor, register_url_convertor


class _Place(Convertor[str]):
    """A part of a path, as it is."""

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


def _register(name: str, regex: str) -> None:
    register_url_convertor(name, type("Place", (_Place,), {"regex": regex})())


def any_part(name: str, *but: str) -> None:
    """Let paths name `{x:name}`: any part but these, which are paths of their own."""
    _register(name, f"(?!(?:{'|'.join(but)})(?:/|$))[^/]+")


def any_parts(name: str) -> None:
    """Let paths name `{x:name}`: parts with slashes between them."""
    _register(name, "[^/]+(?:/[^/]+)*")
