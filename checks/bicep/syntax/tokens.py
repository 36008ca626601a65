"""From the text of a Bicep file to its tokens.

A newline is a token: it ends a statement, a property and an item. Comments and `#` directives
leave none. An interpolated string is one token whose parts are texts and lists of tokens.
"""

import re
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    NAME = "name"
    NUMBER = "number"
    STRING = "string"
    MARK = "mark"
    NEWLINE = "newline"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    kind: Kind
    text: str
    line: int
    start: int
    end: int
    parts: "tuple[str | tuple[Token, ...], ...]" = ()


class Unreadable(Exception):
    """The text is no Bicep: `line` says where, the message what was expected."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


SKIPPED = re.compile(r"[ \t]+|//[^\n]*|/\*.*?\*/|#(?:disable|restore)[^\n]*", re.DOTALL)
SIMPLE = re.compile(
    r"(?P<newline>\n)|(?P<name>[A-Za-z_]\w*)|(?P<number>[0-9]+)"
    r"|(?P<mark>\.\.\.|=>|==|!=|=~|!~|<=|>=|&&|\|\||\?\?|::|\.\?|\[\?|[{}()\[\].,:=+\-*/%!<>?|@^])",
    re.ASCII,
)
MULTI_LINE = re.compile(r"(\$*)'''")
CHARACTERS = re.compile(r"[^'\\$\n]+")
ESCAPE = re.compile(r"\\(?:u\{([0-9A-Fa-f]+)\}|(.))", re.DOTALL)
ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", "'": "'", "$": "$"}


def tokens(text: str) -> tuple[Token, ...]:
    """All tokens of the text, the last of them an END.

    Raises Unreadable at a character or a string that Bicep does not have.
    """
    return _Lexer(text.replace("\r\n", "\n")).all()


class _Lexer:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.line = 1

    def all(self) -> tuple[Token, ...]:
        found = []
        while (token := self.next()).kind is not Kind.END:
            found.append(token)
        return (*found, token)

    def next(self) -> Token:
        while skipped := SKIPPED.match(self.text, self.at):
            self._forward(skipped.end())
        if self.at == len(self.text):
            return self._token(Kind.END, self.at)
        if found := SIMPLE.match(self.text, self.at):
            return self._token(Kind(str(found.lastgroup)), found.end())
        if opening := MULTI_LINE.match(self.text, self.at):
            return self._multi_line(opening)
        if self.text[self.at] == "'":
            return self._string()
        raise Unreadable(self.line, f"{self.text[self.at]!r} means nothing in Bicep")

    def _forward(self, end: int) -> None:
        self.line += self.text.count("\n", self.at, end)
        self.at = end

    def _token(
        self, kind: Kind, end: int, parts: tuple[str | tuple[Token, ...], ...] = ()
    ) -> Token:
        token = Token(kind, self.text[self.at : end], self.line, self.at, end, parts)
        self._forward(end)
        return token

    def _string(self) -> Token:
        """A string on one line, from its quote to its quote."""
        start, line = self.at, self.line
        self.at += 1
        parts: list[str | tuple[Token, ...]] = []
        while not self.text.startswith("'", self.at):
            if self.at == len(self.text) or self.text[self.at] == "\n":
                raise Unreadable(line, "the string has no end: ' is missing")
            if self.text.startswith("${", self.at):
                self.at += 2
                parts.append(self._interpolation())
            else:
                parts.append(self._character())
        self.at += 1
        return Token(Kind.STRING, self.text[start : self.at], line, start, self.at, _joined(parts))

    def _character(self) -> str:
        """The next characters of a string, or one that is escaped."""
        if plain := CHARACTERS.match(self.text, self.at):
            self.at = plain.end()
            return plain[0]
        if self.text[self.at] != "\\":
            self.at += 1
            return self.text[self.at - 1]
        escape = ESCAPE.match(self.text, self.at)
        if escape and escape[1]:
            self.at = escape.end()
            return chr(int(escape[1], 16))
        if not escape or escape[2] not in ESCAPES:
            raise Unreadable(
                self.line, "\\ begins no escape here: there are \\\\ \\' \\n \\r \\t \\$ \\u{...}"
            )
        self.at = escape.end()
        return ESCAPES[escape[2]]

    def _interpolation(self) -> tuple[Token, ...]:
        """The tokens between `${`, which has been read, and its `}`."""
        line, depth = self.line, 0
        found: list[Token] = []
        while True:
            token = self.next()
            if token.kind is Kind.END:
                raise Unreadable(line, "the interpolation has no end: } is missing")
            if token.text == "}" and depth == 0:
                return (*found, Token(Kind.END, "", token.line, token.start, token.start))
            depth += {"{": 1, "}": -1}.get(token.text, 0)
            found.append(token)

    def _multi_line(self, opening: re.Match[str]) -> Token:
        """A string in three quotes: no escapes; `$` before them turns interpolation on."""
        start, line = self.at, self.line
        self.at = opening.end()
        marker = opening[1] + "{" if opening[1] else None
        parts: list[str | tuple[Token, ...]] = []
        while not (
            self.text.startswith("'''", self.at) and not self.text.startswith("''''", self.at)
        ):
            if self.at == len(self.text):
                raise Unreadable(line, "the string has no end: ''' is missing")
            if marker and self.text.startswith(marker, self.at):
                self.at += len(marker)
                parts.append(self._interpolation())
            else:
                parts.append(self.text[self.at])
                self._forward(self.at + 1)
        self.at += 3
        if parts and parts[0] == "\n":
            del parts[0]
        return Token(Kind.STRING, self.text[start : self.at], line, start, self.at, _joined(parts))


def _joined(parts: list[str | tuple[Token, ...]]) -> tuple[str | tuple[Token, ...], ...]:
    """Neighbouring texts as one."""
    joined: list[str | tuple[Token, ...]] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        else:
            joined.append(part)
    return tuple(joined)
