"""What is sealed opens with the right key only, and no thread stays behind a stream."""

from __future__ import annotations

import os
import threading
import traceback
import tracemalloc
from collections.abc import Iterator

import pyrage
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.backups.store.encryption import Seal
from shared.errors import Cancelled, Damaged, Misconfigured
from shared.settings import Secret

FIRST, SECOND, THIRD = (str(pyrage.x25519.Identity.generate()) for _ in range(3))
SEAL = Seal(Secret(FIRST))


def no_thread_is_left() -> bool:
    return not any(thread.name == "belfry-seal" for thread in threading.enumerate())


def test_no_key_no_seal() -> None:
    assert Seal.of(Secret("")) is None
    assert Seal.of(Secret(FIRST)) is not None


def test_the_first_key_seals_and_each_opens() -> None:
    both = Seal(Secret(f"{FIRST}, {SECOND}"))
    assert SEAL.open(both.seal(b"mine")) == b"mine"
    assert both.open(Seal(Secret(SECOND)).seal(b"an old one")) == b"an old one"
    with pytest.raises(Damaged, match="a key that BACKUP_ENCRYPTION_KEY does not have"):
        Seal(Secret(SECOND)).open(both.seal(b"mine"))
    with pytest.raises(Damaged, match="a key that BACKUP_ENCRYPTION_KEY does not have"):
        list(Seal(Secret(THIRD)).opening(iter([both.seal(b"mine")])))


PUBLIC = str(pyrage.x25519.Identity.from_str(FIRST).to_public())


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("AGE-SECRET-KEY-1WRONG", "key 1 is not"),
        (FIRST[:-1], "key 1 is not"),
        (f"{FIRST},{SECOND.replace('1', '2', 1)}", "key 2 is not"),
        (PUBLIC, "key 1 is not"),
        (",", "has no key"),
    ],
    ids=["wrong", "short", "second", "public", "none"],  # keys are made anew for each run
)
def test_a_wrong_key_is_named_and_not_shown(keys: str, said: str) -> None:
    with pytest.raises(Misconfigured, match=f"BACKUP_ENCRYPTION_KEY.*{said}") as raised:
        Seal(Secret(keys))
    shown = "".join(traceback.format_exception(raised.value))
    assert not any(key[17:] in shown for key in keys.split(",") if key)


def test_it_does_not_show_its_key() -> None:
    assert FIRST not in repr(SEAL) + str(SEAL) + repr(vars(SEAL))


@settings(max_examples=40)
@given(st.lists(st.one_of(st.binary(max_size=300), st.integers(0, 200_000).map(os.urandom))))
def test_a_stream_and_a_whole_are_the_same(chunks: list[bytes]) -> None:
    whole = b"".join(chunks)
    sealed = b"".join(SEAL.sealing(iter(chunks)))
    assert SEAL.open(sealed) == whole
    pieces = iter([sealed[:100], b"", sealed[100:]])
    assert b"".join(SEAL.opening(pieces)) == whole
    assert b"".join(SEAL.opening(iter([SEAL.seal(whole)]))) == whole


def test_nothing_of_it_can_be_read() -> None:
    rows = b"Elwood Blues, 1060 West Addison Street\n" * 1000
    assert b"Addison" not in SEAL.seal(rows) + b"".join(SEAL.sealing(iter([rows])))
    assert SEAL.seal(rows) != SEAL.seal(rows)


@pytest.mark.parametrize("end", [0, 10, 100, 65_536, 65_752, 131_288, -1])
def test_a_stream_that_ends_too_early_is_damage(end: int) -> None:
    sealed = SEAL.seal(os.urandom(200_000))
    with pytest.raises(Damaged):
        SEAL.open(sealed[:end])
    with pytest.raises(Damaged):
        list(SEAL.opening(iter([sealed[:end]])))
    assert no_thread_is_left()


def test_what_was_changed_is_not_given_out() -> None:
    content = bytes(65_536) + b"x" * 65_536
    sealed = bytearray(SEAL.seal(content))
    sealed[-100] ^= 1  # in the second part of 64 KiB
    got = bytearray()
    with pytest.raises(Damaged, match="does not decrypt"):
        for piece in SEAL.opening(iter([bytes(sealed)])):
            got += piece
    assert b"x" not in got


def test_what_the_pieces_raise_is_raised_as_it_is() -> None:
    wrong = Cancelled("stop")

    def breaks_off() -> Iterator[bytes]:
        yield os.urandom(100_000)
        raise wrong

    for stream in (SEAL.sealing(breaks_off()), SEAL.opening(breaks_off_after_a_head(wrong))):
        with pytest.raises(Cancelled) as raised:
            list(stream)
        assert raised.value is wrong
    assert no_thread_is_left()


def breaks_off_after_a_head(wrong: BaseException) -> Iterator[bytes]:
    yield SEAL.seal(os.urandom(200_000))[:150_000]
    raise wrong


def test_an_error_of_the_pieces_system_is_not_taken_for_damage() -> None:
    with pytest.raises(OSError, match="No space") as raised:
        list(SEAL.opening(breaks_off_after_a_head(OSError(28, "No space left"))))
    assert type(raised.value) is OSError


@pytest.mark.parametrize("taken", [0, 1, 3])
def test_who_leaves_early_leaves_no_thread(taken: int) -> None:
    noise = os.urandom(2 << 20)
    sealed = SEAL.seal(noise * 20)
    for stream in (
        SEAL.sealing(noise for _ in range(1000)),
        SEAL.opening(sealed[at : at + (1 << 20)] for at in range(0, len(sealed), 1 << 20)),
    ):
        for _ in range(taken):
            next(stream)
        stream.close()
    assert no_thread_is_left()


def test_a_stream_holds_little_whatever_its_size() -> None:
    sizes: list[int] = []

    def run() -> None:
        noise = os.urandom(1 << 20)
        sealed = SEAL.sealing(noise for _ in range(100))
        sizes.extend(len(piece) for piece in SEAL.opening(sealed))

    tracemalloc.start()
    try:
        run()
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sum(sizes) == 100 << 20
    assert most < 24 << 20


def test_a_large_piece_is_not_held_twice_over() -> None:
    sealed = SEAL.seal(bytes(16 << 20))
    longest = max(len(piece) for piece in SEAL.opening(iter([sealed])))
    assert longest <= (1 << 20) + 65_536
