"""`python -m local.package [--out FILE]`: the zip that is deployed, and what is in it.

It holds what `.funcignore` lets through. azd reads that file by the rules of `.gitignore`, as this
does; `func pack` and `func azure functionapp publish` read it by rules of their own, and a test
holds that both find the same files. Files that git ignores are not looked at; the tools look at
all that is in the folder, so the rules must leave out what may lie about there.

The same commit gives the same bytes: sorted names, one date, one mode. The packages of
requirements.txt are not in it: they are installed by the remote build (docs/package.md).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

from pathspec import GitIgnoreSpec

from shared.errors import Misconfigured

REPO = Path(__file__).parents[1]
_ALWAYS_OUT = ("local.settings.json",)
"""What both tools leave out, whatever `.funcignore` says."""
_DATE = (1980, 1, 1, 0, 0, 0)
"""The first that a zip can hold."""
_MODE = 0o644 << 16


def rules(folder: Path) -> GitIgnoreSpec:
    """What is left out of the package of that folder. Raises `Misconfigured`."""
    file = folder / ".funcignore"
    try:
        lines = file.read_text().splitlines()
    except OSError as error:
        raise Misconfigured(f"{file} cannot be read: {error.strerror}; it is needed") from None
    return GitIgnoreSpec.from_lines([*lines, *_ALWAYS_OUT])


def let_through(names: Iterable[str], by: GitIgnoreSpec) -> list[str]:
    """Which of the files (relative, with /) are in the package, in the order of their names."""
    return sorted(name for name in names if not by.match_file(name))


def project_files(folder: Path) -> list[str]:
    """The files of the project that are there: all but those that git ignores. Raises
    `Misconfigured`."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=folder,
        capture_output=True,
        check=False,
        text=True,
    )
    if listed.returncode:
        raise Misconfigured(f"git cannot list {folder}: {listed.stderr.strip()}")
    names = dict.fromkeys(listed.stdout.split("\0"))  # in a merge, git lists a file three times
    return [name for name in names if name and (folder / name).is_file()]


def pack(folder: Path, out: Path) -> list[str]:
    """Write the package of that folder, and return the names in it. Raises `Misconfigured`."""
    names = let_through(project_files(folder), rules(folder))
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as package:
        for name in names:
            entry = zipfile.ZipInfo(name, _DATE)
            entry.external_attr, entry.create_system = _MODE, 3
            entry.compress_type = zipfile.ZIP_DEFLATED
            package.writestr(entry, (folder / name).read_bytes())
    return names


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local.package", description=__doc__)
    parser.add_argument("--out", type=Path, default=REPO / ".local" / "belfry.zip")
    out: Path = parser.parse_args().out
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        names = pack(REPO, out)
    except Misconfigured as error:
        print(error, file=sys.stderr)
        return 1
    print(*names, sep="\n")
    print(f"{out}: {len(names)} files, {out.stat().st_size:,} bytes", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
