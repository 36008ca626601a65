"""What a key is, and what a caller may give out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.access import Caller, Role, keys
from shared.access.keys import Key
from shared.errors import Forbidden

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def key(**fields: object) -> tuple[Key, str]:
    text = keys.new_text("a" * 12)
    made: dict[str, object] = {
        "id": "a" * 12,
        "hash": keys.hashed(text),
        "name": "Ana",
        "role": Role.OPERATOR,
        "projects": frozenset([1, 2]),
        "created_at": NOW,
        "created_by": "local",
    }
    return Key(**(made | fields)), text  # type: ignore[arg-type]


def test_a_key_has_256_bits_and_names_its_row() -> None:
    one, other = (keys.new_text(keys.new_id()) for _ in range(2))
    assert one != other and len(one) == keys.ROOM
    assert len(bytes.fromhex(one.rpartition("_")[2])) == 32
    assert keys.is_id(str(keys.id_in(one)))


def test_only_the_whole_key_fits() -> None:
    made, text = key()
    assert made.fits(text)
    assert not made.fits(text[:-1]) and not made.fits("") and not made.fits(text.upper())
    assert text.rpartition("_")[2] not in repr(made)


@given(st.text(max_size=100) | st.binary(max_size=100).map(lambda one: one.decode("latin-1")))
def test_no_other_text_has_the_form_of_one(text: str) -> None:
    made, _ = key()
    assert keys.id_in(text) is None and keys.id_in(f"{keys.PREFIX}{text}") is None
    assert not made.fits(text)
    assert not keys.is_id(text) or text.isalnum()


def test_when_it_counts() -> None:
    made, _ = key(expires_at=NOW + timedelta(hours=1))
    assert made.is_good(NOW)
    assert made.wrong(NOW + timedelta(hours=1)) == "it has expired"
    by = Caller(name="Bo", role=Role.ADMIN)
    gone = made.revoked(by, NOW)
    assert (gone.wrong(NOW), gone.revoked_by) == ("it was revoked", "Bo")
    assert gone.revoked(Caller(name="Cy", role=Role.ADMIN), NOW + timedelta(days=1)) is gone


ONES = frozenset([1])
TWO = frozenset([1, 2])
HOUR = NOW + timedelta(hours=1)


@pytest.mark.parametrize(
    ("by", "role", "projects", "until", "said"),
    [
        (Caller(name="a", role=Role.ADMIN), Role.ADMIN, None, None, None),
        (Caller(name="a", role=Role.ADMIN, projects=TWO), Role.ADMIN, ONES, None, None),
        (Caller(name="a", role=Role.ADMIN, projects=TWO), Role.VIEWER, TWO, None, None),
        (Caller(name="a", role=Role.ADMIN, projects=ONES), Role.VIEWER, TWO, None, "projects: "),
        (Caller(name="a", role=Role.ADMIN, projects=ONES), Role.VIEWER, None, None, "projects: "),
        (Caller(name="a", role=Role.OPERATOR), Role.ADMIN, ONES, None, "role: "),
        (Caller(name="a", role=Role.ADMIN, until=HOUR), Role.VIEWER, None, HOUR, None),
        (Caller(name="a", role=Role.ADMIN, until=HOUR), Role.VIEWER, None, None, "expires_at: "),
        (
            Caller(name="a", role=Role.ADMIN, until=HOUR),
            Role.VIEWER,
            None,
            HOUR + timedelta(seconds=1),
            "expires_at: ",
        ),
    ],
)
def test_nobody_gives_out_more_than_they_have(
    by: Caller,
    role: Role,
    projects: frozenset[int] | None,
    until: datetime | None,
    said: str | None,
) -> None:
    if said is None:
        keys.hold_grant(by, role, projects, until)
        return
    with pytest.raises(Forbidden, match=said):
        keys.hold_grant(by, role, projects, until)


@given(
    st.sampled_from(Role),
    st.none() | st.frozensets(st.integers(0, 3)),
    st.sampled_from(Role),
    st.none() | st.frozensets(st.integers(0, 3)),
)
def test_what_is_given_out_opens_nothing_that_was_shut(
    role: Role,
    projects: frozenset[int] | None,
    other: Role,
    others: frozenset[int] | None,
) -> None:
    by = Caller(name="a", role=role, projects=projects)
    made = Caller(name="b", role=other, projects=others)
    try:
        keys.hold_grant(by, other, others, None)
    except Forbidden:
        return
    assert role.includes(other)
    assert all(by.sees(one) for one in (None, *range(5)) if made.sees(one))


def test_keys_of_other_projects_are_not_seen() -> None:
    made, _ = key()
    assert keys.covers(Caller(name="a", role=Role.ADMIN), made)
    assert keys.covers(Caller(name="a", role=Role.ADMIN, projects=TWO), made)
    assert not keys.covers(Caller(name="a", role=Role.ADMIN, projects=ONES), made)
    everything, _ = key(projects=None)
    assert not keys.covers(Caller(name="a", role=Role.ADMIN, projects=TWO), everything)
