"""A place in the tokens of a file, and the steps that every part of the grammar needs."""

from collections.abc import Callable
from typing import TypeVar

from checks.bicep.syntax.tokens import Kind, Token, Unreadable

T = TypeVar("T")


class Cursor:
    def __init__(self, source: str, tokens: tuple[Token, ...]) -> None:
        self.source = source
        self._tokens = tokens
        self._at = 0

    @property
    def token(self) -> Token:
        return self._tokens[self._at]

    def ahead(self, count: int = 1) -> Token:
        return self._tokens[min(self._at + count, len(self._tokens) - 1)]

    def past_newlines(self) -> Token:
        """The next token that is no newline; the cursor stays."""
        at = self._at
        while self._tokens[at].kind is Kind.NEWLINE:
            at += 1
        return self._tokens[at]

    def take(self) -> Token:
        taken = self.token
        if taken.kind is not Kind.END:
            self._at += 1
        return taken

    def text(self, start: int) -> str:
        """The source from `start` to the end of the last token taken."""
        return self.source[start : self._tokens[self._at - 1].end]

    def at_mark(self, *marks: str) -> bool:
        return self.token.kind is Kind.MARK and self.token.text in marks

    def at_name(self, *names: str) -> bool:
        return self.token.kind is Kind.NAME and (not names or self.token.text in names)

    def mark(self, mark: str, after: str) -> Token:
        """Takes the mark. Raises Unreadable where something else stands."""
        if not self.at_mark(mark):
            raise self.expected(f"`{mark}` {after}")
        return self.take()

    def name(self, of_what: str) -> Token:
        if not self.at_name():
            raise self.expected(f"the name of {of_what}")
        return self.take()

    def keyword(self, word: str) -> Token:
        if not self.at_name(word):
            raise self.expected(f"`{word}`")
        return self.take()

    def plain_string(self, of_what: str) -> Token:
        """A string without interpolation."""
        if self.token.kind is not Kind.STRING:
            raise self.expected(f"{of_what}, a string")
        if any(not isinstance(part, str) for part in self.token.parts):
            raise Unreadable(self.token.line, f"{of_what} must be a string without ${{...}}")
        return self.take()

    def newlines(self) -> None:
        while self.token.kind is Kind.NEWLINE:
            self.take()

    def expected(self, what: str) -> Unreadable:
        token = self.token
        found = {Kind.NEWLINE: "the end of the line", Kind.END: "the end"}.get(
            token.kind, f"`{token.text}`"
        )
        return Unreadable(token.line, f"syntax: {what} is expected, not {found}")

    def between_brackets(self, closing: str, element: Callable[[], T]) -> list[T]:
        """Elements up to the closing bracket; commas or newlines stand between them."""
        found = []
        self.newlines()
        while not self.at_mark(closing):
            found.append(element())
            if self.at_mark(","):
                self.take()
            elif self.token.kind is not Kind.NEWLINE and not self.at_mark(closing):
                raise self.expected(f"a comma, a new line or `{closing}`")
            self.newlines()
        self.take()
        return found

    def listed(self, closing: str, element: Callable[[], T]) -> list[T]:
        """Elements up to the closing bracket; commas stand between them, newlines mean nothing."""
        found = []
        self.newlines()
        while not self.at_mark(closing):
            found.append(element())
            self.newlines()
            if self.at_mark(closing):
                break
            self.mark(",", f"or `{closing}` after an argument")
            self.newlines()
            if self.at_mark(closing):
                raise self.expected("an argument after the comma")
        self.take()
        return found


def string_value(token: Token) -> str:
    """The text of a string without interpolation."""
    return "".join(part for part in token.parts if isinstance(part, str))
