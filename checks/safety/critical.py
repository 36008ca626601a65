"""Gate: files that decide what must not change unnoticed are as somebody signed off.

`critical.sha256` has the SHA-256 of each, in the form of sha256sum. A change of such a file needs
its line changed in the same commit (`make sign-off` writes the lines), so a reviewer sees in the
list itself that something critical changed, whatever else the change contains; CODEOWNERS asks the
owners of the list for their review.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from checks.safety.finding import Finding, Note, Problem

LIST = "checks/safety/critical.sha256"
CRITICAL: Mapping[str, tuple[str, ...]] = {
    "money": ("shared/billing/**/*.py", "shared/finance/limit.py", "shared/finance/spend.py"),
    "who may do what": (
        "shared/access/**/*.py",
        "shared/keys/**/*.py",
        "shared/api/door.py",
        "shared/api/roles.py",
    ),
    "which message may go to an owner": ("shared/notifications/rules/*.py",),
    "which backup is good, and which is deleted": (
        "shared/backups/rules/retention.py",
        "shared/backups/jobs/prune.py",
        "shared/backups/store/checksum.py",
        "shared/backups/store/encryption.py",
    ),
    "what may reset or restore a database": (
        "shared/backups/jobs/restore.py",
        "shared/backups/postgres/restore.py",
        "shared/backups/sqlite/restore.py",
    ),
    "when something runs": ("shared/recurrence/**/*.py", "shared/clock.py"),
    "that each run happens once": (
        "shared/schedules/claim.py",
        "shared/schedules/plan.py",
        "shared/schedules/finish.py",
        "shared/engine/dispatch/tick.py",
        "shared/engine/work/lease.py",
        "shared/engine/work/judge.py",
    ),
    "what the audit proves": ("shared/audit/chain.py",),
    "what may be seen in logs": ("shared/redaction.py",),
    "rights and resources in Azure": ("infra/*.bicep", "infra/modules/*.bicep"),
    "what is deployed, and how": (
        ".funcignore",
        ".github/workflows/*.yml",
        ".github/CODEOWNERS",
        "azure.yaml",
        "function_app.py",
        "host.json",
        "requirements.in",
        "requirements.txt",
    ),
    "these checks": (
        "checks/safety/**/*.py",
        "checks/safety/exceptions.toml",
        "checks/smoke.py",
        "checks/workflows.py",
    ),
}
"""Why a file is critical -> which files are."""
_SIGN_OFF = "if the change is meant, run `make sign-off` and commit the list with it"


def check(root: Path) -> Iterator[Finding]:
    """The list has each critical file, as it is."""
    signed, there = listed(root), hashes(root)
    for name in sorted(signed.keys() | there.keys()):
        if name not in there:
            yield Problem(f"{name} is signed off, and is not there", _SIGN_OFF)
        elif name not in signed:
            yield Problem(f"{name} is critical, and not signed off", _SIGN_OFF)
        elif signed[name] != there[name]:
            yield Problem(f"{name} is not as it was signed off", _SIGN_OFF)
    yield Note(f"critical files: {len(there)}")


def listed(root: Path) -> dict[str, str]:
    """The hashes of the list; none if there is no list."""
    path = root / LIST
    lines = path.read_text().splitlines() if path.exists() else []
    found = (line.partition("  ") for line in lines)
    return {name: digest for digest, _, name in found}


def hashes(root: Path) -> dict[str, str]:
    """The hash of each critical file that there is."""
    paths = {
        path
        for patterns in CRITICAL.values()
        for pattern in patterns
        for path in root.glob(pattern)
        if path.is_file() and "node_modules" not in path.parts
    }
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(paths)
    }
