"""What pg_dump or pg_restore says, line by line: which error counts, which does not, and which is
to be looked at once it has ended."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_MOST = 12
"""Lines of one error."""
_COMMAND = "Command was: "


@dataclass(frozen=True, slots=True)
class Forgiven:
    """Errors of pg_restore that do not count, by its message, or by message and command."""

    messages: re.Pattern[str]
    of_commands: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...] = ()
    noted: re.Pattern[str] | None = None
    """Those that it may go on after, but that do count."""


@dataclass(frozen=True, slots=True)
class Noted:
    """An error, and the lines after it: details, context, the command."""

    error: str = ""
    lines: list[str] = field(default_factory=list)

    def after(self, word: str) -> str:
        """What is said after that word at a line's beginning."""
        found = (line.removeprefix(word) for line in self.lines if line.startswith(word))
        return next(found, "").strip()

    @property
    def command(self) -> str:
        """The beginning of the command that failed, in one line."""
        for number, line in enumerate(self.lines):
            if line.startswith(_COMMAND):
                return " ".join([line.removeprefix(_COMMAND), *self.lines[number + 1 :]])
        return ""


class Heard:
    """What a child says: the first error that counts, and what is forgiven or noted."""

    def __init__(self, forgiven: Forgiven | None = None) -> None:
        self.about = Noted()
        self.last = ""
        self.forgiven: list[str] = []
        self.noted: list[Noted] = []
        self.ignored = 0
        """The errors that pg_restore says, at its end, that it went on after."""
        self._forgives = forgiven
        self._open = ""
        self._listing: list[str] = []
        """The lines of the error that was said last."""

    @property
    def error(self) -> str:
        """The first that counts."""
        return self.about.error

    def line(self, line: str) -> None:
        self.last = line or self.last
        if line.startswith(_COMMAND) and self._open:
            self._settle(line.removeprefix(_COMMAND))
        elif any(word in line for word in ("error:", "ERROR:", "FATAL:")):
            self._settle()
            self._begin(line)
            return
        elif found := re.search(r"errors ignored on restore: (\d+)", line):
            self._settle()
            self.ignored = int(found[1])
        if line and len(self._listing) < _MOST:
            self._listing.append(line)

    def end(self) -> None:
        self._settle()

    def _begin(self, line: str) -> None:
        self._listing = []
        forgives = self._forgives
        if forgives and forgives.messages.search(line):
            self.forgiven.append(line)
        elif forgives and forgives.noted and forgives.noted.search(line):
            self.noted.append(Noted(line, self._listing))
        elif forgives and any(said.search(line) for said, _ in forgives.of_commands):
            self._open = line
        else:
            self._count(line)

    def _count(self, line: str) -> None:
        if not self.error:
            self.about = Noted(line, self._listing)

    def _settle(self, command: str = "") -> None:
        """What became of an error that a command decides on."""
        line, self._open = self._open, ""
        if not line or self._forgives is None:
            return
        pairs = self._forgives.of_commands
        if any(said.search(line) and kind.search(command) for said, kind in pairs):
            self.forgiven.append(line)
        else:
            self._count(line)
