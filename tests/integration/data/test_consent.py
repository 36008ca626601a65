"""Who agrees to text messages, on both databases: by number, however it was typed, for all
tenants."""

from __future__ import annotations

import logging

import pytest
from sqlalchemy import event, insert, select

from shared.data.database import reading, writing
from shared.data.engines import Access, engine
from shared.data.models import Owner
from shared.errors import Invalid, Misconfigured
from shared.notifications.consent import Consent, same, spellings
from shared.settings import Secret
from tests.integration.data.conftest import tenant

NUMBER = "+4915112345678"
TYPED = [
    "+4915112345678",
    "+49 1511 2345678",
    "0151 12345678",
    "(0151) 123-456 78",
    "0151/12345678",
    "004915112345678",
    "+49 (0) 151 12345678",
    " 015112345678 ",
    "+٤٩١٥١١٢٣٤٥٦٧٨",
    "\uff10\uff11\uff15\uff11 \uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18",  # in full width
]
OTHERS = [
    "+4915112345679",
    "+1 415 555 0100",
    "12345678",
    "nonsense",
    "",
    None,
    "+44 151 1234 5678",
]


@pytest.fixture
def clinic(url: Secret) -> Secret:
    """Two tenants, whose owners have this number or another."""
    with writing(url) as session:
        session.add(tenant(name="the other"))
        session.flush()
        for number, typed in enumerate([*TYPED, *OTHERS]):
            owner = Owner(tenant_id=1 + number % 2, name="x", phone=typed, sms_opted_in=True)
            session.add(owner)
    return url


def agreeing(url: Secret) -> list[str | None]:
    """The numbers of those who agree."""
    query = select(Owner.phone).where(Owner.sms_opted_in.is_(True), Owner.id > 1)
    with reading(url) as session:
        return [phone for (phone,) in session.execute(query.order_by(Owner.id))]


def test_a_number_is_known_however_it_was_typed(clinic: Secret) -> None:
    consent = Consent(clinic, "DE")
    assert consent.withdrawn(NUMBER) == len(TYPED)
    assert agreeing(clinic) == OTHERS
    assert consent.withdrawn(NUMBER) == 0, "twice the same changes nothing"
    assert consent.given(NUMBER) == len(TYPED)
    assert agreeing(clinic) == [*TYPED, *OTHERS]


def test_of_another_country_a_number_without_its_code_is_another(clinic: Secret) -> None:
    consent = Consent(clinic, "GB")
    assert consent.withdrawn(NUMBER) == 5, "those with the country's code"
    assert {"0151 12345678", "0151/12345678"} <= set(agreeing(clinic))


@pytest.mark.parametrize("number", ["", "STOP", "12345", "+1", "' OR 1=1 --"])
def test_what_is_no_number_changes_nothing(clinic: Secret, number: str) -> None:
    with pytest.raises(Invalid, match="phone"):
        Consent(clinic, "DE").withdrawn(number)
    assert agreeing(clinic) == [*TYPED, *OTHERS]


def test_no_number_is_in_the_log(clinic: Secret, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "belfry"):
        Consent(clinic, "DE").withdrawn(NUMBER)
    assert "consent_changed opted_in=False owners=10" in caplog.text
    assert "5678" not in caplog.text


def test_a_database_that_is_not_there_is_told() -> None:
    with pytest.raises(Misconfigured, match="DATABASE_URL"):
        Consent(Secret("sqlite:////nowhere/x.db"), "DE").withdrawn(NUMBER)


def test_many_owners_take_few_queries(clinic: Secret) -> None:
    with writing(clinic) as session:
        many = [
            {"tenant_id": 1, "name": "x", "phone": f"+4917{n:09}", "sms_opted_in": True}
            for n in range(12_000)
        ]
        session.execute(insert(Owner), many)
    asked: list[str] = []
    made = engine(clinic, Access.READ)
    event.listen(made, "before_cursor_execute", lambda *given: asked.append(given[2]))
    assert Consent(clinic, "DE").withdrawn(NUMBER) == len(TYPED)
    reads = [one for one in asked if one.startswith("SELECT") and "owners" in one]
    assert len(reads) == 3, "three pages, and no query an owner"


@pytest.mark.parametrize("typed", TYPED)
def test_each_way_to_type_it_is_the_same_number(typed: str) -> None:
    assert same(typed, NUMBER, "DE")


@pytest.mark.parametrize("typed", [one or "" for one in OTHERS])
def test_what_is_another_number_is_not(typed: str) -> None:
    assert not same(typed, NUMBER, "DE")


def test_the_usual_spellings_are_the_number() -> None:
    assert {"+4915112345678", "+49 1511 2345678", "01511 2345678", "015112345678"} <= spellings(
        NUMBER, "DE"
    )
    assert "(415) 555-0132" in spellings("+14155550132", "US")
    assert spellings(NUMBER, "GB") == {
        one for one in spellings(NUMBER, "DE") if one.startswith(("+", "tel:", "00"))
    }
