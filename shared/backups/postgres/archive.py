"""Removes user mappings from a dump while it is streamed, since they hold passwords.

pg_dump can leave out subscriptions, which hold passwords as well, but not user mappings. An archive
in its custom format begins with a table of contents; there the mappings' definitions are emptied,
and pg_restore runs nothing for such an entry. All else passes unchanged.

The format is that of pg_backup_archiver.c (WriteHead, WriteToc) and pg_backup_custom.c.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

_MAGIC = b"PGDMP"
_KNOWN = ((1, 14), (1, 15), (1, 16))
"""The versions of the format that pg_dump 12 and later write."""
_BEGUN = len(_MAGIC) + 3
_DATES = 7
_PIECE = 1024 * 1024
_MAPPING = b"USER MAPPING"
_WITH_OPTIONS = b" OPTIONS ("


def without_passwords(chunks: Iterator[bytes], told: Callable[[str], None]) -> Iterator[bytes]:
    """The dump without those user mappings that have options; `told` is called with each one's
    name.

    A dump of an unknown version passes unchanged. One that breaks off in its table of contents ends
    there without an error: whoever reads pg_dump's output checks how pg_dump ended.
    """
    archive = _Archive(chunks)
    try:
        if archive.known():
            for _ in range(archive.head()):
                archive.entry(told)
                if len(archive.passed) >= _PIECE:
                    yield archive.let_go()
    except EOFError:
        yield archive.let_go()
        return
    yield archive.let_go() + archive.rest()
    yield from chunks


class _Archive:
    """Reads an archive's beginning; `passed` collects the output."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._held = b""
        self._at = 0
        self._version = (0, 0)
        self._int = 0
        self._offset = 0
        self.passed = bytearray()

    def known(self) -> bool:
        """Whether this is an archive of a known version."""
        self._want(_BEGUN)
        begun = self._held[:_BEGUN].ljust(_BEGUN, b"\0")
        self._version = (begun[len(_MAGIC)], begun[len(_MAGIC) + 1])
        return begun.startswith(_MAGIC) and self._version in _KNOWN

    def head(self) -> int:
        """Pass everything before the entries; return the number of entries."""
        self._pass(_BEGUN)
        self._int, self._offset, _ = self._pass(3)
        if self._version >= (1, 15):
            self._pass(1)  # how it is compressed
        else:
            self._number()
        for _ in range(_DATES):
            self._number()
        for _ in ("database", "server", "pg_dump"):
            self._text()
        return self._number()

    def entry(self, told: Callable[[str], None]) -> None:
        """Pass one entry, without its definition if that may hold a password."""
        self._number()  # its id
        self._number()  # whether it has data
        for _ in ("tableoid", "oid"):
            self._text()
        tag, kind = self._text(), self._text()
        self._number()  # its section
        definition = self._read_text()
        if kind == _MAPPING and _WITH_OPTIONS in (definition or b""):
            told((tag or b"").decode(errors="replace"))
            definition = b""
        self._write_text(definition)
        for _ in ("drop", "copy", "namespace", "tablespace", "access method"):
            self._text()
        if self._version >= (1, 16):
            self._number()  # the kind of relation
        for _ in ("owner", "with oids"):
            self._text()
        while self._text() is not None:
            pass  # what it depends on
        self._pass(1 + self._offset)

    def let_go(self) -> bytes:
        """Return what has passed since the last call, and forget it."""
        passed = bytes(self.passed)
        self.passed.clear()
        return passed

    def rest(self) -> bytes:
        """What was taken from the chunks and not parsed yet."""
        return self._held[self._at :]

    def _number(self) -> int:
        return self._value(self._pass(1 + self._int))

    def _text(self) -> bytes | None:
        text = self._read_text()
        self._write_text(text)
        return text

    def _read_text(self) -> bytes | None:
        length = self._value(self._take(1 + self._int))
        return None if length < 0 else self._take(length)

    def _write_text(self, text: bytes | None) -> None:
        length = -1 if text is None else len(text)
        self.passed += bytes([length < 0]) + abs(length).to_bytes(self._int, "little")
        self.passed += text or b""

    def _value(self, raw: bytes) -> int:
        value = int.from_bytes(raw[1:], "little")
        return -value if raw[0] else value

    def _pass(self, count: int) -> bytes:
        taken = self._take(count)
        self.passed += taken
        return taken

    def _take(self, count: int) -> bytes:
        self._want(count)
        taken = self._held[self._at : self._at + count]
        if len(taken) < count:
            raise EOFError
        self._at += count
        return taken

    def _want(self, count: int) -> None:
        """Buffer at least `count` unread bytes, or all if there are fewer."""
        if len(self._held) - self._at >= count:
            return
        held = bytearray(self._held[self._at :])
        self._at = 0
        while len(held) < count and (chunk := next(self._chunks, None)) is not None:
            held += chunk
        self._held = bytes(held)
