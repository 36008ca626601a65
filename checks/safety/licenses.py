"""Gate: every deployed package has a licence that is known and may be used.

Permissive licences always pass. Any other, and a package that states none, needs a line in
`exceptions.toml` with the reason. docs/licenses.md lists all of them; `python -m
checks.safety.licenses` writes it from the metadata of the installed packages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from checks.safety import exceptions
from checks.safety.finding import CouldNotRun, Finding, Note, Problem

PAGE = "docs/licenses.md"
PERMISSIVE = frozenset(
    {
        *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSD", "ISC", "MIT", "MIT-0"),
        *("PSF-2.0", "Python-2.0", "Unlicense", "Zlib"),
    }
)
"""By SPDX (https://spdx.org/licenses), but for BSD: older metadata does not say which of them."""
_SPDX = {
    "apache 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd license": "BSD",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
}
_HEAD = """# Licenses

Of the packages that are deployed (`requirements.txt`), by their own metadata.
`python -m checks.safety.licenses` writes this page, and `make safety` checks it
([safety.md](safety.md#licenses)). The font in `shared/charts/font` has its license beside it.

| package | license | |
|---|---|---|
"""


def check(root: Path) -> Iterator[Finding]:
    """Each package may be used, and the page has it."""
    found = licenses(root)
    excused = exceptions.read(root).licenses
    for name, license in found.items():
        if not license:
            do = "read its LICENSE file, and write what it is to [stated] in exceptions.toml"
            yield Problem(f"{name} states no license", do)
        elif not is_permissive(license) and name not in excused:
            do = "use another package, or write to [licenses] in exceptions.toml why it may be used"
            yield Problem(f"{name} is under {license}", do)
    for name in sorted(excused.keys() - found.keys()):
        yield Problem(f"{name} is excused, and not deployed", "remove it from exceptions.toml")
    page = root / PAGE
    if not page.exists() or page.read_text() != text(found, excused):
        yield Problem(f"{PAGE} is not true", "run `python -m checks.safety.licenses`, commit it")
    yield Note(f"licenses: {len(found)} packages")


def licenses(root: Path) -> dict[str, str]:
    """The licence of each deployed package, "" if it states none. Only those that this Python
    would install. Raises `CouldNotRun` if one is not installed."""
    stated = exceptions.read(root).stated
    try:
        return {
            name: stated.get(name) or of(metadata(name))
            for name in _deployed(root / "requirements.txt")
        }
    except PackageNotFoundError as error:
        raise CouldNotRun(f"{error.name} of requirements.txt is not installed: run make") from None


def of(package: PackageMetadata) -> str:
    """The licence that the metadata states, by SPDX if it can be told; "" if none is stated."""
    if expression := package.get_all("License-Expression"):
        return str(expression[0])
    classified = [
        line.rpartition(" :: ")[2]
        for line in package.get_all("Classifier") or []
        if line.startswith("License :: ")
    ]
    if classified:
        # not said whether they are a choice, so all of them must pass
        return " AND ".join(sorted({_spdx(name) for name in classified}))
    stated = str((package.get_all("License") or [""])[0]).strip()
    return "" if "\n" in stated or len(stated) > 40 else _spdx(stated)


def is_permissive(expression: str) -> bool:
    """Whether one may choose only permissive licences: `A OR B` leaves the choice."""
    alternatives = re.split(r"\s+OR\s+", expression.replace("(", "").replace(")", ""))
    return any(
        all(part.strip() in PERMISSIVE for part in re.split(r"\s+AND\s+", one))
        for one in alternatives
    )


def text(found: dict[str, str], excused: dict[str, str]) -> str:
    """The page."""
    rows = [f"| {name} | {found[name]} | {excused.get(name, '')} |\n" for name in sorted(found)]
    return _HEAD + "".join(rows)


def _deployed(path: Path) -> Iterator[str]:
    for line in path.read_text().splitlines():
        if line[:1].isalnum():
            requirement = Requirement(line.removesuffix("\\").strip())
            if requirement.marker is None or requirement.marker.evaluate():
                yield canonicalize_name(requirement.name)


def _spdx(name: str) -> str:
    return _SPDX.get(name.lower(), name)


if __name__ == "__main__":
    here = Path.cwd()
    try:
        (here / PAGE).write_text(text(licenses(here), exceptions.read(here).licenses))
    except CouldNotRun as error:
        raise SystemExit(str(error)) from None
