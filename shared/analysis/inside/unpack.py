"""The files of a commit, from a pack: written below one folder, by rules of their own.

There is never a checkout: only regular files are written, none through a link, since no link is
ever made. What is left out is said, with the reason.
"""

from __future__ import annotations

import mmap
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.analysis import paths
from shared.analysis.inside import packs
from shared.analysis.inside.packs import Broken, Pack
from shared.analysis.limits import Limits

_EXAMPLES = 10
_LFS = b"version https://git-lfs.github.com/spec/"
_FOLDER, _LINK, _MODULE = 0o040000, 0o120000, 0o160000
_REGULAR = (0o100644, 0o100755, 0o100664)


@dataclass(slots=True)
class _LeftOut:
    most: int
    counts: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    examples: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    paths: list[str] = field(default_factory=list)

    def add(self, reason: str, path: bytes) -> None:
        shown = _shown(path)
        self.counts[reason] += 1
        if len(self.examples[reason]) < _EXAMPLES:
            self.examples[reason].append(shown[:200])
        if len(self.paths) <= self.most:
            self.paths.append(shown)

    def said(self) -> dict[str, Any]:
        made = [
            {"reason": one, "count": count, "examples": sorted(self.examples[one])}
            for one, count in sorted(self.counts.items())
        ]
        whole = len(self.paths) <= self.most
        return {"left_out": made, "left_paths": self.paths[: self.most], "left_whole": whole}


def main(order: Mapping[str, Any]) -> dict[str, Any]:
    """Write the files of `commit` in the pack `pack` below `src`."""
    limits = Limits(**order["limits"])
    out = _LeftOut(limits.files)
    try:
        with Path(order["pack"]).open("rb") as file:
            at = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            pack = Pack(at, limits)
            pack.measure()
            wanted = _wanted(pack, bytes.fromhex(order["commit"]), limits, out)
            files, size = _write(pack, wanted, Path(order["src"]), limits, out)
    except Broken as error:
        return {"error": str(error)}
    except MemoryError:
        return {"error": f"to read it takes more memory than {limits.memory} bytes"}
    return {"files": files, "bytes": size, **out.said()}


def _wanted(pack: Pack, commit: bytes, limits: Limits, out: _LeftOut) -> dict[bytes, list[bytes]]:
    """The paths of each blob that is to be written, by its id."""
    trees: dict[bytes, bytes] = {}
    commits: dict[bytes, bytes] = {}
    for name, kind, content in pack.objects((packs.COMMIT, packs.TREE)):
        if isinstance(content, bytes) and len(content) <= limits.tree:
            (commits if kind == packs.COMMIT else trees)[name] = content
    root = _root(commits.get(commit, b""))
    wanted: dict[bytes, list[bytes]] = defaultdict(list)
    left = limits.files
    for path, blob in _walk(trees, root, limits, out):
        if left <= 0:
            out.add(f"more than {limits.files} files", path)
            continue
        left -= 1
        wanted[blob].append(path)
    return wanted


def _root(commit: bytes) -> bytes:
    head = commit[:45]
    if not head.startswith(b"tree ") or len(head) < 45:
        raise Broken("the commit is not in the pack, or is none")
    try:
        return bytes.fromhex(head[5:].decode("ascii"))
    except ValueError:
        raise Broken("the commit names no tree") from None


def _walk(
    trees: Mapping[bytes, bytes], root: bytes, limits: Limits, out: _LeftOut
) -> Iterator[tuple[bytes, bytes]]:
    """(path, id of its blob) of each file that may be written, in the order of the trees."""
    if root not in trees:
        raise Broken("the commit's tree is not in the pack, or is too large")
    seen = 0
    folders = [(b"", root, 0)]
    while folders:
        above, name, depth = folders.pop()
        below: list[tuple[bytes, bytes, int]] = []
        taken: set[str] = set()
        for entry, mode, found in _entries(trees[name]):
            seen += 1
            if seen > limits.entries:
                raise Broken(f"more than {limits.entries} files and folders")
            path = above + entry
            reason = paths.wrong(entry) or _reason(mode, path, depth)
            folded = "" if reason else paths.folded(entry.decode("utf-8"))
            if reason is None and folded in taken:
                reason = "a name that differs from another one by its case only"
            if reason is None and mode == _FOLDER and found not in trees:
                reason = "a folder that was not sent, or is too large"
            if reason is not None:
                out.add(reason, path)
                continue
            taken.add(folded)
            if mode == _FOLDER:
                below.append((path + b"/", found, depth + 1))
            else:
                yield path, found
        folders += reversed(below)


def _reason(mode: int, path: bytes, depth: int) -> str | None:
    if len(path) > paths.LONGEST_PATH or depth >= paths.DEEPEST:
        return "a path that is too long, or too deep"
    if mode == _LINK:
        return "a symbolic link"
    if mode == _MODULE:
        return "a submodule"
    if mode != _FOLDER and mode not in _REGULAR:
        return "no regular file"
    return None


def _entries(tree: bytes) -> Iterator[tuple[bytes, int, bytes]]:
    from dulwich.errors import ObjectFormatException
    from dulwich.objects import parse_tree

    try:
        for name, mode, found in parse_tree(tree, 20):
            yield name, mode, bytes.fromhex(found.decode("ascii"))
    except (ObjectFormatException, ValueError):
        raise Broken("a folder's list cannot be read") from None


def _write(
    pack: Pack, wanted: dict[bytes, list[bytes]], src: Path, limits: Limits, out: _LeftOut
) -> tuple[int, int]:
    """(the files that were written, their bytes)."""
    files = size = 0
    for name, _, content in pack.objects((packs.BLOB,)):
        for path in wanted.pop(name, ()):
            if isinstance(content, int) or len(content) > limits.file:
                out.add(f"larger than {limits.file} bytes", path)
            elif len(content) < 1024 and content.startswith(_LFS):
                out.add("its content is in Git LFS", path)
            else:
                files, size = files + 1, size + len(content)
                if size > limits.total:
                    raise Broken(f"all files together have more than {limits.total} bytes")
                _file(src, path, content)
    for several in wanted.values():
        for path in several:
            out.add(f"not sent, or larger than {limits.file} bytes", path)
    return files, size


def _file(src: Path, path: bytes, content: bytes) -> None:
    at = os.path.join(os.fsencode(src), path)  # noqa: PTH118 - bytes
    os.makedirs(os.path.dirname(at), 0o700, exist_ok=True)  # noqa: PTH103, PTH120
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(at, flags, 0o600), "wb") as file:
        file.write(content)


def _shown(path: bytes) -> str:
    """The path as text that any table and any log can hold."""
    text = path.decode("utf-8", "backslashreplace")[: paths.LONGEST_PATH]
    return "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in text)
