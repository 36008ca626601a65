"""Which files of a repository are written to disk: rules for their names. Pure.

A repository's tree may hold any bytes as names; some of them mean something to a file system, or to
git itself. Such a file is left out, with the reason.
https://git-scm.com/docs/git-fsck (hasDotdot, hasDotgit, fullPathname, largePathname, ...)
"""

from __future__ import annotations

import re
import unicodedata

LONGEST_NAME = 200
"""Bytes of one name; file systems take 255."""
LONGEST_PATH = 1000
"""Bytes of a path below the repository's root."""
DEEPEST = 50
"""Folders in folders."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com\d|lpt\d)([. ].*)?", re.IGNORECASE)
_UNSEEN = re.compile("[\u200c-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
"""Characters that HFS+ leaves out of names."""
_GIT = re.compile(r"\.git[. ]*|git~\d+", re.IGNORECASE)


def wrong(name: bytes) -> str | None:
    """Why a file or a folder of that name is left out; None if it is not."""
    if len(name) > LONGEST_NAME:
        return "a name is too long"
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError:
        return "a name is no UTF-8"
    if text in ("", ".", "..") or "/" in text or "\\" in text or _CONTROL.search(text):
        return "a name that leads elsewhere, or has control characters"
    plain = _UNSEEN.sub("", text)
    if _GIT.fullmatch(plain) or _GIT.fullmatch(plain.partition(":")[0]):
        return "a name that is git's own"
    if _DEVICE.fullmatch(text) or ":" in text or text.endswith((" ", ".")):
        return "a name that is a device's, or that some systems change"
    return None


def folded(path: str) -> str:
    """What paths have in common that some file systems take for the same."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
