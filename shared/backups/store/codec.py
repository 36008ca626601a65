"""Encodes a dump for storage and decodes it: compressed, and encrypted if there is a key.

`zstd -d`, `gzip -d` and `age --decrypt` undo it by hand.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import Literal

from shared.backups.store.encryption import Seal
from shared.errors import Damaged

_ENDINGS = {"zstd": ".zst", "gzip": ".gz"}
_ZSTD_LEVEL = 3
_ZSTD_THREADS = 2
"""In addition to the thread that reads the dump and hashes: compression is most of the work."""
_ZSTD_JOB = 4 * 1024 * 1024
"""Bytes that each thread takes at once. By default zstd takes twice as many, which needs more
memory for two threads; fewer would compress worse."""
_GZIP_LEVEL = 6
_GZIP = 16 + zlib.MAX_WBITS
_CHUNK = 1024 * 1024
_WINDOW = 8 * 1024 * 1024
"""The largest window that a zstd frame may ask for: more than level 3 needs, and what RFC 8878
(3.1.1.1.2) recommends that every decoder supports."""


class Codec:
    """One way to store a dump. `compression`: zstd or gzip."""

    def __init__(self, compression: str, seal: Seal | None) -> None:
        self._compression = compression
        self._seal = seal
        self.ending = _ENDINGS[compression] + ("" if seal is None else ".age")

    def encode(self, chunks: Iterator[bytes], check: Callable[[], None]) -> Encoded:
        """The bytes to store, in pieces; `check` is called for each chunk."""
        return Encoded(self._compression, self._seal, chunks, check)

    def decode(
        self, pieces: Iterator[bytes], check: Callable[[], None]
    ) -> Generator[bytes, None, None]:
        """The dump, in pieces of 1 MiB at most; a caller that stops early must close it.

        Raises `Damaged` if the pieces are not exactly what was stored, which may show only at the
        end: do not rely on a dump before it has ended without an error.
        """
        undone = _gunzipped if self._compression == "gzip" else _unzstd
        if self._seal is None:
            yield from _checked(undone(pieces), check)
            return
        with closing(self._seal.opening(pieces)) as opened:
            yield from _checked(undone(opened), check)


class Encoded:
    """Pieces to store; `taken` counts the bytes that went in. Can be iterated only once."""

    def __init__(
        self,
        compression: str,
        seal: Seal | None,
        chunks: Iterator[bytes],
        check: Callable[[], None],
    ) -> None:
        self._compression = compression
        self._seal = seal
        self._chunks = chunks
        self._check = check
        self.taken = 0

    def __iter__(self) -> Generator[bytes, None, None]:
        compressed = self._compressed()
        return compressed if self._seal is None else self._sealed(self._seal, compressed)

    def _sealed(
        self, seal: Seal, compressed: Generator[bytes, None, None]
    ) -> Generator[bytes, None, None]:
        with closing(seal.sealing(compressed)) as sealed:
            yield from sealed

    def _compressed(self) -> Generator[bytes, None, None]:
        if self._compression == "gzip":
            gzip = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP)
            compress: Callable[[bytes], bytes] = gzip.compress
            flush: Callable[[], bytes] = gzip.flush
        else:
            from zstandard import ZstdCompressionParameters, ZstdCompressor

            how = ZstdCompressionParameters.from_level(
                _ZSTD_LEVEL, write_checksum=True, threads=_ZSTD_THREADS, job_size=_ZSTD_JOB
            )
            zstd = ZstdCompressor(compression_params=how).compressobj()
            compress, flush = zstd.compress, zstd.flush
        for chunk in self._chunks:
            self._check()
            self.taken += len(chunk)
            if piece := compress(chunk):
                yield piece
        yield flush()


def _checked(
    chunks: Generator[bytes, None, None], check: Callable[[], None]
) -> Generator[bytes, None, None]:
    with closing(chunks):
        for chunk in chunks:
            check()
            yield chunk


def _gunzipped(pieces: Iterator[bytes]) -> Generator[bytes, None, None]:
    gzip = zlib.decompressobj(_GZIP)
    try:
        for piece in pieces:
            rest = piece
            while rest:
                if gzip.eof:
                    raise Damaged("it goes on after its end")
                if chunk := gzip.decompress(rest, _CHUNK):
                    yield chunk
                rest = gzip.unconsumed_tail or gzip.unused_data
        while not gzip.eof and (chunk := gzip.decompress(b"", _CHUNK)):
            yield chunk
    except zlib.error as error:
        raise Damaged(f"it does not decompress: {error}") from error
    if not gzip.eof:
        raise Damaged("it does not decompress: it ends too early")


def _unzstd(pieces: Iterator[bytes]) -> Generator[bytes, None, None]:
    """Decompress block by block; a block becomes 128 KiB at most (RFC 8878, 3.1.1.2). Given a whole
    piece, zstandard would return all its output at once, however large, and it takes a premature
    end of input for the end."""
    from zstandard import ZstdDecompressor, ZstdError, frame_header_size

    taken = _Taken(pieces)
    zstd = ZstdDecompressor(max_window_size=_WINDOW).decompressobj()
    try:
        head = taken.exactly(5)
        made = bytearray(zstd.decompress(head + taken.exactly(frame_header_size(head) - len(head))))
        last = False
        while not last:
            head = taken.exactly(3)
            bits = int.from_bytes(head, "little")
            last, kind, size = bool(bits & 1), bits >> 1 & 3, bits >> 3
            made += zstd.decompress(head + taken.exactly(1 if kind == _SAME else size))
            if len(made) >= _CHUNK - _ZSTD_BLOCK:
                yield bytes(made)
                made.clear()
        if not zstd.eof:
            made += zstd.decompress(taken.exactly(4))  # the checksum
    except ZstdError as error:
        raise Damaged(f"it does not decompress: {error}") from error
    if made:
        yield bytes(made)
    if not zstd.eof:
        raise Damaged("it does not decompress: it ends too early")
    if taken.more():
        raise Damaged("it goes on after its end")


_SAME: Literal[1] = 1
"""The type of a block that repeats one byte (RLE)."""
_ZSTD_BLOCK = 128 * 1024


class _Taken:
    """Reads pieces as a stream, in lengths of one's choice."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._piece = b""
        self._at = 0

    def exactly(self, size: int) -> bytes:
        """The next `size` bytes. Raises `Damaged` if there are fewer."""
        end = self._at + size
        if end <= len(self._piece):
            taken = self._piece[self._at : end]
            self._at = end
            return taken
        taken, self._at = self._piece[self._at :], len(self._piece)
        while len(taken) < size:
            if not self.more():
                raise Damaged("it does not decompress: it ends too early")
            end = size - len(taken)
            taken += self._piece[:end]
            self._at = min(end, len(self._piece))
        return taken

    def more(self) -> bool:
        """Whether there are more bytes; takes the next piece only once this one is used up."""
        if self._at < len(self._piece):
            return True
        self._at, self._piece = 0, next((piece for piece in self._pieces if piece), b"")
        return bool(self._piece)
