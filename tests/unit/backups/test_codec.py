"""What is encoded comes back, however it is cut; what was changed or cut short never passes."""

from __future__ import annotations

import gzip
import io
import os
import random
import tracemalloc
from collections.abc import Iterator

import pyrage
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.backups.store.codec import Codec
from shared.backups.store.encryption import Seal
from shared.errors import Cancelled, Damaged
from shared.settings import Secret

KEY = Secret(str(pyrage.x25519.Identity.generate()))
CODECS = {
    codec.ending: codec
    for compression in ("zstd", "gzip")
    for codec in (Codec(compression, None), Codec(compression, Seal(KEY)))
}
every_codec = pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
chunked = st.lists(
    st.one_of(
        st.binary(max_size=2000),
        st.integers(min_value=0, max_value=400_000).map(bytes),  # runs, over several blocks
        st.integers(min_value=0, max_value=200_000).map(os.urandom),
    ),
    max_size=6,
)


def go_on() -> None:
    """A job that nobody stops."""


def stop() -> None:
    raise Cancelled("stop")


def encoded(codec: Codec, chunks: list[bytes]) -> bytes:
    return b"".join(codec.encode(iter(chunks), go_on))


def decoded(codec: Codec, content: bytes, size: int = 1 << 22) -> bytes:
    return b"".join(codec.decode(cut(content, size), go_on))


def cut(content: bytes, size: int) -> Iterator[bytes]:
    return (content[at : at + size] for at in range(0, len(content), size))


def test_the_endings_say_what_undoes_it() -> None:
    assert list(CODECS) == [".zst", ".zst.age", ".gz", ".gz.age"]


@every_codec
@settings(max_examples=30)
@given(chunks=chunked, size=st.one_of(st.integers(1, 60), st.integers(1, 1 << 20)))
def test_what_is_encoded_comes_back(codec: Codec, chunks: list[bytes], size: int) -> None:
    size = max(size, sum(map(len, chunks)) // 2000)  # no more than some thousand pieces
    pieces = codec.encode(iter(chunks), go_on)
    content = b"".join(pieces)
    assert pieces.taken == sum(map(len, chunks))
    assert decoded(codec, content, size) == b"".join(chunks)


def test_common_programs_undo_it() -> None:
    chunks = [b"some rows\n" * 1000, os.urandom(300_000)]
    whole = b"".join(chunks)
    assert gzip.decompress(encoded(CODECS[".gz"], chunks)) == whole
    stream = zstandard.ZstdDecompressor().stream_reader(encoded(CODECS[".zst"], chunks))
    assert stream.read() == whole
    key = pyrage.x25519.Identity.from_str(KEY.reveal())
    opened = pyrage.decrypt(encoded(CODECS[".gz.age"], chunks), [key])
    assert gzip.decompress(opened) == whole


def test_what_common_programs_make_is_decoded() -> None:
    content = os.urandom(1000) * 900
    for level in (1, 3, 9):
        # With its size in the head, as the program zstd writes it, and without.
        assert decoded(CODECS[".zst"], zstandard.compress(content, level)) == content
        zstd = zstandard.ZstdCompressor(level, write_checksum=False).compressobj()
        assert decoded(CODECS[".zst"], zstd.compress(content) + zstd.flush()) == content
        assert decoded(CODECS[".gz"], gzip.compress(content, level)) == content


WHOLE = random.Random(7).randbytes(200_000) + bytes(400_000) + b"end"
STORED = {ending: encoded(codec, [WHOLE]) for ending, codec in CODECS.items()}
every_ending = pytest.mark.parametrize("ending", STORED)


shares = st.floats(min_value=0, max_value=1, exclude_max=True)


@every_ending
@settings(max_examples=60)
@given(share=shares, size=st.sampled_from([7777, 65536, 1 << 22]))
def test_a_stream_that_ends_too_early_is_damage(ending: str, share: float, size: int) -> None:
    codec, content = CODECS[ending], STORED[ending]
    with pytest.raises(Damaged):
        decoded(codec, content[: int(share * len(content))], size)


@every_ending
def test_each_of_the_first_and_the_last_bytes_counts(ending: str) -> None:
    codec, content = CODECS[ending], STORED[ending]
    for end in (*range(300), *range(len(content) - 300, len(content))):
        with pytest.raises(Damaged):
            decoded(codec, content[:end])


def passes(ending: str, at: int, bit: int) -> bool:
    """Whether it is decoded all the same, with that bit changed; never to anything else."""
    changed = bytearray(STORED[ending])
    changed[at] ^= 1 << bit
    try:
        said = decoded(CODECS[ending], bytes(changed))
    except Damaged:
        return False
    assert said == WHOLE
    return True


@every_ending
@settings(max_examples=60)
@given(share=shares, bit=st.integers(0, 7))
def test_one_changed_bit_never_gives_anything_else(ending: str, share: float, bit: int) -> None:
    at = int(share * len(STORED[ending]))
    assert not (passes(ending, at, bit) and "age" in ending)


@every_ending
def test_a_changed_bit_at_the_begin_or_the_end(ending: str) -> None:
    size = len(STORED[ending])
    places = (*range(30), *range(size - 30, size))
    good = {(at, bit) for at in places for bit in range(8) if passes(ending, at, bit)}
    # Heads have bits that no content depends on: the time, the window's size.
    assert len(good) == 0 if "age" in ending else len(good) < 60


@every_ending
def test_a_changed_bit_of_what_was_given_is_damage(ending: str) -> None:
    assert not any(passes(ending, 100_000, bit) for bit in range(8))


@every_ending
@pytest.mark.parametrize("more", [b"\0", b"more" * 100, None], ids=["a byte", "bytes", "itself"])
def test_what_goes_on_after_its_end_is_damage(ending: str, more: bytes | None) -> None:
    codec, content = CODECS[ending], STORED[ending]
    more = content if more is None else more
    with pytest.raises(Damaged):
        decoded(codec, content + more)
    with pytest.raises(Damaged):
        list(codec.decode(iter([content, more]), go_on))


@every_codec
@given(st.binary(max_size=300))
@settings(max_examples=30)
def test_anything_else_is_damage(codec: Codec, content: bytes) -> None:
    with pytest.raises(Damaged):
        decoded(codec, content)


@every_codec
def test_nothing_at_all_is_damage(codec: Codec) -> None:
    with pytest.raises(Damaged):
        list(codec.decode(iter([]), go_on))


def test_a_frame_that_asks_for_much_memory_is_damage() -> None:
    asks = zstandard.ZstdCompressionParameters.from_level(3, window_log=26)
    zstd = zstandard.ZstdCompressor(compression_params=asks).compressobj()
    with pytest.raises(Damaged, match="memory"):
        decoded(CODECS[".zst"], zstd.compress(b"x") + zstd.flush())


@every_ending
def test_a_stopped_job_stops_it(ending: str) -> None:
    codec, content = CODECS[ending], STORED[ending]
    with pytest.raises(Cancelled):
        list(codec.encode(iter([b"x"]), stop))
    with pytest.raises(Cancelled):
        list(codec.decode(iter([content]), stop))


@every_codec
def test_what_the_dump_raises_is_raised_as_it_is(codec: Codec) -> None:
    def breaks_off() -> Iterator[bytes]:
        yield os.urandom(3 << 20)
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space") as raised:
        list(codec.encode(breaks_off(), go_on))
    assert type(raised.value) is OSError
    with pytest.raises(OSError, match="No space"):
        list(codec.decode(breaks(STORED[codec.ending]), go_on))


def breaks(content: bytes) -> Iterator[bytes]:
    yield content[:-50]
    raise OSError(28, "No space left on device")


@every_codec
def test_it_holds_little_however_much_a_stream_grows(codec: Codec) -> None:
    zeros = bytes(1 << 20)
    stored = io.BytesIO()
    longest = size = 0

    def run() -> None:
        nonlocal longest, size
        for piece in codec.encode((zeros for _ in range(64)), go_on):
            stored.write(piece)
        for chunk in codec.decode(iter([stored.getvalue()]), go_on):
            longest, size = max(longest, len(chunk)), size + len(chunk)

    tracemalloc.start()
    try:
        run()
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size == 64 << 20
    assert longest <= 1 << 20
    assert most < 10 << 20
