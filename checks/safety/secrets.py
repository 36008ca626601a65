"""Gate: no secret in the tree.

detect-secrets looks for what vendors' secrets look like, for passwords beside their names, and for
long random strings; beside it our own shapes. What was looked at and is no secret (examples in
tests, hashes) stands in `secrets.accepted`: by file, kind and hash, so nothing else passes with it.
`python -m checks.safety.secrets` writes that list.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from detect_secrets.core.scan import scan_file
from detect_secrets.plugins.aws import AWSKeyDetector
from detect_secrets.plugins.azure_storage_key import AzureStorageKeyDetector
from detect_secrets.plugins.base import RegexBasedDetector
from detect_secrets.plugins.basic_auth import BasicAuthDetector
from detect_secrets.plugins.github_token import GitHubTokenDetector
from detect_secrets.plugins.private_key import PrivateKeyDetector
from detect_secrets.plugins.slack import SlackDetector
from detect_secrets.plugins.stripe import StripeDetector
from detect_secrets.plugins.twilio import TwilioKeyDetector
from detect_secrets.settings import transient_settings

from checks.safety.finding import Finding, Note, Problem
from local.azurite import KEY

ACCEPTED = "checks/safety/secrets.accepted"
_SHAPES = {
    "Belfry key": r"bfy_[a-z0-9]{12}_[0-9a-f]{64}",
    "age key": r"AGE-SECRET-KEY-1[0-9A-Z]{58}",
    "SendGrid key": r"SG\.[\w-]{20,}\.[\w-]{40,}",
    "Stripe webhook secret": r"whsec_[A-Za-z0-9+/=]{24,}",
    "Azure account key": r"(?:AccountKey|SharedAccessKey)=[A-Za-z0-9+/]{40,}={0,2}",
    "Azure shared access signature": r"[?&;]sig=[A-Za-z0-9%+/]{43,}(?:=|%3[Dd])",
    "function key": r"[?&]code=[\w-]{40,}={1,2}",
    "JSON Web Token": r"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]*",
    "Telegram bot token": r"\b\d{8,10}:[\w-]{35}(?![\w-])",
}
_OURS = re.compile("|".join(f"(?P<k{n}>{shape})" for n, shape in enumerate(_SHAPES.values())))
_BY_LINE = ("Base64HighEntropyString", "HexHighEntropyString", "KeywordDetector")
"""Plugins of detect-secrets that look at each line by itself, which takes seconds."""
_BY_SHAPE: tuple[type[RegexBasedDetector], ...] = (
    AWSKeyDetector,
    AzureStorageKeyDetector,
    BasicAuthDetector,
    GitHubTokenDetector,
    PrivateKeyDetector,
    SlackDetector,
    StripeDetector,
    TwilioKeyDetector,
)
"""Those that know what a vendor's secrets look like: they see the whole text at once."""
_FILTERS = (  # without the one by which a comment in the file itself excuses a line
    "detect_secrets.filters.common.is_invalid_file",
    "detect_secrets.filters.heuristic.is_likely_id_string",
    "detect_secrets.filters.heuristic.is_not_alphanumeric_string",
    "detect_secrets.filters.heuristic.is_potential_uuid",
    "detect_secrets.filters.heuristic.is_prefixed_with_dollar_sign",
    "detect_secrets.filters.heuristic.is_sequential_string",
    "detect_secrets.filters.heuristic.is_templated_secret",
)
_OF_HASHES = re.compile(
    r"requirements[\w-]*\.txt|.*package-lock\.json|.*\.sha256|.*/assets/manifest\.json"
    rf"|{ACCEPTED}|.*\.(?:ttf|png|ico)"
)
"""Files that consist of hashes, and those that are no text."""
_FEW = 100
"""Fewer files than this are not worth more processes."""
_DO = (
    "revoke it, and remove it from the history too; if it is none, run `python -m "
    "checks.safety.secrets`, look at each new line of the list, and commit it"
)


@dataclass(frozen=True, order=True, slots=True)
class Secret:
    """What looks like a secret. Never its value: only a hash of it."""

    file: str
    kind: str
    digest: str


def check(root: Path) -> Iterator[Finding]:
    """Each file that git keeps, or would keep."""
    files = tracked(root)
    found = scan(root, files)
    known = accepted(root)
    for one in sorted(found.keys() - known):
        yield Problem(f"{one.file}:{found[one]}: looks like a secret: {one.kind}", _DO)
    for one in sorted(known - found.keys()):
        do = "remove its line from the list, or run `python -m checks.safety.secrets`"
        yield Problem(f"{one.file} is accepted with a {one.kind} that it no longer has", do)
    yield Note(f"files without a secret: {len(files)}")


def scan(root: Path, files: Sequence[str]) -> dict[Secret, int]:
    """What looks like a secret in the files, and in which line. On as many processes as there are
    processors."""
    if len(files) < _FEW:
        return _scanned((root, files))
    workers = min(os.cpu_count() or 1, 4)
    parts = [(root, files[start::workers]) for start in range(workers)]
    # not forked: the caller may have threads
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        return {secret: line for part in pool.map(_scanned, parts) for secret, line in part.items()}


def tracked(root: Path) -> list[str]:
    """The files of the working tree that git does not ignore, but for those of hashes."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    names = (name for name in listed.split("\0") if name and (root / name).is_file())
    return sorted(name for name in names if not _OF_HASHES.fullmatch(name))


def accepted(root: Path) -> set[Secret]:
    """What was looked at, and is no secret."""
    path = root / ACCEPTED
    lines = path.read_text().splitlines() if path.exists() else []
    found = (line.split("  ") for line in lines)
    return {Secret(file, kind, digest) for digest, kind, file in found}


def _scanned(part: tuple[Path, Sequence[str]]) -> dict[Secret, int]:
    root, files = part
    found: dict[Secret, int] = {}
    settings = {
        "plugins_used": [{"name": name} for name in _BY_LINE],
        "filters_used": [{"path": path} for path in _FILTERS],
    }
    with transient_settings(settings):
        for name in files:
            found |= _of_others(root, name) | _of_shapes(root, name)
    return found


def _of_others(root: Path, name: str) -> dict[Secret, int]:
    return {
        Secret(name, one.type, _digest(one.secret_value or "")): one.line_number
        for one in scan_file(str(root / name))
        if KEY not in (one.secret_value or "")
    }


def _of_shapes(root: Path, name: str) -> dict[Secret, int]:
    text = (root / name).read_text(errors="replace")
    kinds = list(_SHAPES)
    found = [(kinds[(one.lastindex or 1) - 1], one) for one in _OURS.finditer(text)]
    found += [(kind, one) for kind, shape in _of_vendors() for one in shape.finditer(text)]
    return {
        Secret(name, kind, _digest(one[0])): 1 + text.count("\n", 0, one.start())
        for kind, one in found
        if KEY not in one[0]
    }


@functools.cache
def _of_vendors() -> list[tuple[str, re.Pattern[str]]]:
    made = [plugin() for plugin in _BY_SHAPE]
    return [(str(one.secret_type), shape) for one in made for shape in one.denylist]


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


def write(root: Path) -> None:
    """Accept all that is found, and print what is new."""
    before, now = accepted(root), scan(root, tracked(root))
    lines = [f"{one.digest}  {one.kind}  {one.file}\n" for one in sorted(now)]
    (root / ACCEPTED).write_text("".join(lines))
    for one in sorted(now.keys() - before):
        print(f"accepted  {one.file}:{now[one]}  {one.kind}")
    for one in sorted(before - now.keys()):
        print(f"gone      {one.file}  {one.kind}")


if __name__ == "__main__":
    write(Path.cwd())
