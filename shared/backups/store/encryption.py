"""Encryption by age (age-encryption.org, X25519), so that storage alone reveals nothing.

By hand, `age --decrypt -i key.txt` decrypts what is sealed (encrypted) here.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

from shared.errors import Damaged, Misconfigured
from shared.settings import Secret

_WAITING = 4
"""Pieces that may be queued for the worker."""
_PIECE = 1024 * 1024
"""Output is collected until it has this many bytes: age itself writes a few KiB at a time."""
_HEAD = b"age-encryption.org/v1\n"
"""What everything sealed by age begins with."""


class Locked(Damaged):
    """The data may be whole, but no key that is set opens it."""


def is_sealed(data: bytes) -> bool:
    """Whether age has sealed it."""
    return data.startswith(_HEAD)


def unopened(data: bytes) -> Damaged:
    """The error to raise for data that should be sealed, when no key is set."""
    if is_sealed(data):
        return Locked("it is encrypted, and BACKUP_ENCRYPTION_KEY is not set")
    return Damaged("it is not what a backup's metadata is")


class Seal:
    """Seals with the first key, opens with any of them.

    Raises `Misconfigured`, without showing the key, if one is not an age secret key.
    """

    def __init__(self, keys: Secret) -> None:
        from pyrage import IdentityError, x25519

        self._identities = []
        for number, key in enumerate(_split(keys), 1):
            try:
                self._identities.append(x25519.Identity.from_str(key))
            except IdentityError:
                raise Misconfigured(
                    f"BACKUP_ENCRYPTION_KEY: key {number} is not a secret key of age; use what "
                    "age-keygen prints, AGE-SECRET-KEY-1..., several with commas between"
                ) from None
        if not self._identities:
            raise Misconfigured("BACKUP_ENCRYPTION_KEY has no key in it")
        self._recipients = [self._identities[0].to_public()]

    @classmethod
    def of(cls, keys: Secret) -> Seal | None:
        """A seal with these keys; None if no key is set. Raises `Misconfigured`."""
        return cls(keys) if keys else None

    def __repr__(self) -> str:
        return f"Seal({len(self._identities)} keys)"

    def seal(self, data: bytes) -> bytes:
        """The data, encrypted."""
        import pyrage

        sealed: bytes = pyrage.encrypt(data, self._recipients)
        return sealed

    def open(self, data: bytes) -> bytes:
        """The data, decrypted. Raises `Locked` if no key opens it, `Damaged` if it was changed."""
        import pyrage

        with _whole():
            opened: bytes = pyrage.decrypt(data, self._identities)
        return opened

    def sealing(self, chunks: Iterator[bytes]) -> Generator[bytes, None, None]:
        """The stream, encrypted; a caller that stops early must close it."""
        import pyrage

        return _through(
            lambda taken, made: pyrage.encrypt_io(taken, made, self._recipients), chunks
        )

    def opening(self, pieces: Iterator[bytes]) -> Generator[bytes, None, None]:
        """The stream, decrypted; a caller that stops early must close it.

        Raises `Locked` if no key opens it, `Damaged` if it was changed or ends too early: each
        64 KiB are checked before they are yielded, a premature end when it is reached.
        """
        import pyrage

        with _whole():
            yield from _through(
                lambda taken, made: pyrage.decrypt_io(taken, made, self._identities), pieces
            )


def _split(keys: Secret) -> list[str]:
    return [part.strip() for part in keys.reveal().split(",") if part.strip()]


class _Failed(Exception):
    """Wraps what pyrage raised: that may be an `OSError`, like errors from elsewhere."""


@contextmanager
def _whole() -> Iterator[None]:
    from pyrage import DecryptError

    try:
        yield
    except DecryptError as error:
        raise _damaged(error) from error
    except _Failed as error:
        raise _damaged(error.args[0]) from error


def _damaged(error: BaseException) -> Damaged:
    if "No matching keys" in str(error):
        return Locked("it is encrypted for a key that BACKUP_ENCRYPTION_KEY does not have")
    return Damaged(f"it does not decrypt: {error}")


class _Left(Exception):
    """The caller stopped reading the stream early."""


class _Pipe:
    """Connects the caller's thread, which gives pieces and takes results, with the worker's.

    Only the caller's thread waits for anything outside, so the worker can always be ended.
    """

    def __init__(self, work: Callable[[Any, Any], None]) -> None:
        self._work = work
        self._changed = threading.Condition()
        self._given: deque[bytes] = deque()
        self._made: deque[bytes] = deque()
        self._ended = self._left = self._done = False
        self._error: BaseException | None = None
        self._rest = memoryview(b"")
        self._gathered = bytearray()

    # The caller's side.

    def give(self, piece: bytes) -> list[bytes]:
        """Hand over a piece, waiting if the queue is full; return what has been made since."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._given) < _WAITING or self._done)
            self._given.append(piece)
            self._changed.notify_all()
            return self._taken()

    def end(self) -> None:
        """There are no more pieces."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def rest(self) -> list[bytes]:
        """Wait for what is made next and return it; empty once all is done."""
        with self._changed:
            self._changed.wait_for(lambda: self._made or self._done)
            return self._taken()

    def leave(self) -> None:
        with self._changed:
            self._left = True
            self._changed.notify_all()

    def _taken(self) -> list[bytes]:
        if self._error is not None:
            raise _Failed(self._error) from self._error
        if self._done and self._given:
            raise _Failed(ValueError("it goes on after its end"))
        taken = list(self._made)
        self._made.clear()
        return taken

    # The worker's side: a file to read from, and one to write to.

    def run(self) -> None:
        error: BaseException | None = None
        try:
            self._work(self, self)
            self._hand_on()
        except BaseException as raised:  # `_taken` raises it in the caller's thread
            error = raised
        with self._changed:
            self._error, self._done = error, True
            self._changed.notify_all()

    def read(self, size: int) -> bytes:
        if not self._rest:
            with self._changed:
                self._changed.wait_for(lambda: self._given or self._ended or self._left)
                if self._left:
                    raise _Left
                if not self._given:
                    return b""
                self._rest = memoryview(self._given.popleft())
                self._changed.notify_all()
        taken, self._rest = self._rest[:size], self._rest[size:]
        return bytes(taken)

    def write(self, data: bytes) -> int:
        self._gathered += data
        if len(self._gathered) >= _PIECE:
            self._hand_on()
        return len(data)

    def flush(self) -> None:
        """Nothing to do: what is gathered is handed on once there is enough, or at the end."""

    def _hand_on(self) -> None:
        if self._gathered:
            with self._changed:
                self._made.append(bytes(self._gathered))
                self._changed.notify_all()
            self._gathered.clear()


def _through(
    work: Callable[[Any, Any], None], pieces: Iterator[bytes]
) -> Generator[bytes, None, None]:
    """Yield what `work(reader, writer)`, run in a thread of its own, makes of the pieces.

    The pieces are produced in the caller's thread, so their errors are raised unchanged.
    """
    pipe = _Pipe(work)
    thread = threading.Thread(target=pipe.run, name="belfry-seal", daemon=True)
    thread.start()
    try:
        for piece in pieces:
            if piece:
                yield from pipe.give(piece)
        pipe.end()
        while made := pipe.rest():
            yield from made
    finally:
        pipe.leave()
        thread.join()
