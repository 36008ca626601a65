"""`make sign-off`: write the hashes of the critical files as they are now, and say what changed.

Whoever runs it says that the changes are meant. The list belongs in the commit of the change.
"""

from __future__ import annotations

from pathlib import Path

from checks.safety import critical


def sign_off(root: Path) -> list[str]:
    """Write the list; each file that changed, with what became of it."""
    before, now = critical.listed(root), critical.hashes(root)
    text = "".join(f"{digest}  {name}\n" for name, digest in now.items())
    (root / critical.LIST).write_text(text)
    return [
        f"{_change(name in before, name in now)}  {name}"
        for name in sorted(before.keys() | now.keys())
        if before.get(name) != now.get(name)
    ]


def _change(was: bool, is_now: bool) -> str:
    return "changed" if was and is_now else "new    " if is_now else "removed"


if __name__ == "__main__":
    for line in sign_off(Path.cwd()) or ["nothing changed"]:
        print(line)
