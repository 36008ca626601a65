"""Parses what pg_dump or pg_restore writes to stderr, line by line: which errors count, which do
not, and which to look at once the program has ended.

An error, or the command shown after it, takes several lines if a name in it has a line break.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

_MOST = 12
"""Lines kept of one part of an error: of its details, its context, its command."""
_MOST_ALL = 60
_COMMAND = "Command was: "
_PARTS = ("LINE ", "DETAIL:", "HINT:", "QUERY:", "CONTEXT:", _COMMAND)
"""What the lines that follow an error's first line begin with."""
_SAYS = ("pg_restore: ", "pg_dump: ")
_NOTHING = re.compile("(?!)")


@dataclass(frozen=True, slots=True)
class Noted:
    """An error, and the lines after it: details, context, the command."""

    error: str = ""
    lines: list[str] = field(default_factory=list)

    def after(self, word: str) -> str:
        """The rest of the first line that begins with that word."""
        found = (line.removeprefix(word) for line in self.lines if line.startswith(word))
        return next(found, "").strip()

    @property
    def command(self) -> str:
        """The beginning of the command that failed."""
        for number, line in enumerate(self.lines):
            if line.startswith(_COMMAND):
                return "\n".join([line.removeprefix(_COMMAND), *self.lines[number + 1 :]])
        return ""


def _never(error: Noted) -> bool:
    del error
    return False


@dataclass(frozen=True, slots=True)
class Forgiven:
    """Which errors of pg_restore do not count: by their message, or by message and command."""

    messages: re.Pattern[str]
    pairs: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...] = ()
    noted: re.Pattern[str] = _NOTHING
    """Errors that pg_restore may go on after, but that do count: they are noted."""
    noted_by: Callable[[Noted], bool] = _never
    """The same, by all lines of the error."""
    following: Callable[[Noted], bool] = _never
    """Errors that do not count if they come after one that was noted."""
    depends: re.Pattern[str] = re.compile(r"could not execute query: ERROR:")
    """Errors that can only be judged by the lines that follow, so these must be waited for."""


class Heard:
    """What a child program says: the first error that counts, and those forgiven or noted."""

    def __init__(self, forgiven: Forgiven | None = None) -> None:
        self.about = Noted()
        self.last = ""
        self.forgiven: list[str] = []
        self.noted: list[Noted] = []
        self.followed = 0
        """How many errors did not count because they came after one that was noted."""
        self.ignored = 0
        """How many errors pg_restore itself says, at its end, that it ignored."""
        self._forgives = forgiven
        self._said = Noted()
        """The latest error."""
        self._open = False
        """Whether the latest error is not judged yet."""
        self._part = 0
        """Lines so far of the part of that error that is being read."""

    @property
    def error(self) -> str:
        """The first error that counts."""
        return self.about.error

    def line(self, raw: str) -> None:
        """Take the next line, without its line ending."""
        line = raw.strip()
        self.last = line or self.last
        if self._begins(line):
            self._settle()
            self._begin(raw)
        elif line.startswith(_SAYS):
            self._settle()
            self._said = Noted()
            if found := re.search(r"errors ignored on restore: (\d+)", line):
                self.ignored = int(found[1])
        elif self._goes_on(line):
            self._begin(f"{self._said.error}\n{raw}")
        elif self._said.error:
            self._more(raw)

    def end(self) -> None:
        self._settle()

    def _begins(self, line: str) -> bool:
        """Whether the line begins an error. After an error only a line of the program itself can: a
        row's text, in the error's details, may contain anything."""
        words = any(word in line for word in ("error:", "ERROR:", "FATAL:"))
        return words and (not self._said.error or line.startswith(_SAYS))

    def _goes_on(self, line: str) -> bool:
        """Whether the line continues the error's message: a quoted name in that is still open."""
        error = self._said.error
        return _unfinished(error) and error.count("\n") < _MOST and not line.startswith(_PARTS)

    def _begin(self, error: str) -> None:
        self._said, self._open, self._part = Noted(error), True, 0
        if not _unfinished(error):
            self._judge()

    def _more(self, raw: str) -> None:
        lines = self._said.lines
        self._part = 0 if raw.startswith(_PARTS) else self._part + 1
        if raw.strip() and self._part < _MOST and len(lines) < _MOST_ALL:
            lines.append(raw)
        command = self._said.command
        if command.endswith(";") and not _unfinished(command):
            self._settle()

    def _settle(self) -> None:
        if self._open:
            self._judge(whole=True)

    def _judge(self, *, whole: bool = False) -> None:
        """Judge the latest error. It is left open if that depends on lines still to come, unless
        they all have come (`whole`)."""
        forgives, said = self._forgives or Forgiven(_NOTHING), self._said
        if forgives.messages.search(said.error):
            self.forgiven.append(said.error)
        elif forgives.noted.search(said.error):
            self.noted.append(said)
        elif not whole and forgives.depends.search(said.error):
            return
        elif any(one.search(said.error) and of.search(said.command) for one, of in forgives.pairs):
            self.forgiven.append(said.error)
        elif forgives.noted_by(said):
            self.noted.append(said)
        elif self.noted and forgives.following(said):
            self.followed += 1
        elif not self.error:
            self.about = said
        self._open = False


def _unfinished(text: str) -> bool:
    return text.count('"') % 2 == 1
