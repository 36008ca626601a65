"""What pg_dump or pg_restore says, line by line: which error counts, which does not, and which is
to be looked at once it has ended.

What a name with a line break is in takes more lines than one: an error, and the command after it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

_MOST = 12
"""Lines of one part of an error: of its details, its context, its command."""
_MOST_ALL = 60
_COMMAND = "Command was: "
_PARTS = ("LINE ", "DETAIL:", "HINT:", "QUERY:", "CONTEXT:", _COMMAND)
"""How the lines begin that follow what an error says first."""
_SAYS = ("pg_restore: ", "pg_dump: ")
_NOTHING = re.compile("(?!)")


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
    """Errors of pg_restore that do not count, by its message, or by message and command."""

    messages: re.Pattern[str]
    pairs: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...] = ()
    noted: re.Pattern[str] = _NOTHING
    """Those that it may go on after, but that do count."""
    noted_by: Callable[[Noted], bool] = _never
    """The same, by all that is said of them."""
    following: Callable[[Noted], bool] = _never
    """Those that do not count after one that is noted."""
    depends: re.Pattern[str] = re.compile(r"could not execute query: ERROR:")
    """Those of which more is said, to be waited for."""


class Heard:
    """What a child says: the first error that counts, and what is forgiven or noted."""

    def __init__(self, forgiven: Forgiven | None = None) -> None:
        self.about = Noted()
        self.last = ""
        self.forgiven: list[str] = []
        self.noted: list[Noted] = []
        self.followed = 0
        """How many errors did not count after one that is noted."""
        self.ignored = 0
        """The errors that pg_restore says, at its end, that it went on after."""
        self._forgives = forgiven
        self._said = Noted()
        """The error that was said last."""
        self._open = False
        """Whether it is not known yet what that one is."""
        self._part = 0
        """Lines of the part of it that is being said."""

    @property
    def error(self) -> str:
        """The first that counts."""
        return self.about.error

    def line(self, raw: str) -> None:
        """The next one, without its end."""
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
        """A row's text, in an error's details, may say anything."""
        words = any(word in line for word in ("error:", "ERROR:", "FATAL:"))
        return words and (not self._said.error or line.startswith(_SAYS))

    def _goes_on(self, line: str) -> bool:
        """Whether this line is of the error's own: it names something in quotes."""
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
        """What the error is; left open if that depends on what is said of it later, unless that is
        the `whole` of it."""
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
