"""`python -m functions billing`, in a shell that has no storage account."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from azure.data.tables import TableClient
from sqlalchemy import text

from local.azurite import Azurite
from shared.data.database import writing
from shared.data.models import FeeStatus
from shared.settings import Secret
from tests.forked import Commands
from tests.integration.billing.conftest import NOW, Company
from tests.vendors.stripe import API_KEY, Fault, declined

HOW = "write `python -m functions billing status`, `... resume by=NAME [day=2030-01-31]`"


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(commands: Commands) -> Run:
    """`python -m functions billing WORDS`, for a company if one is given."""

    def call(company: Company | None, *words: str) -> subprocess.CompletedProcess[str]:
        file = Path("tests/unit/no.settings.json").absolute()
        environ = {"BELFRY_LOCAL_SETTINGS": str(file)}
        if company is not None:
            environ["DATABASE_URL"] = company.url.reveal()
            environ |= {"STRIPE_API_KEY": API_KEY, "STRIPE_URL": company.stripe.url}
        return commands.run("billing", *words, **environ)

    return call


def said(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert API_KEY not in done.stdout + done.stderr
    return dict(json.loads(done.stdout))


def test_the_status_says_what_is_left_and_what_the_ledger_has(company: Company, run: Run) -> None:
    failing, _ = company.owe(2500, 100)
    (tenant_id,) = company.subscribe("sub_a")
    company.stripe.faults += [declined(), Fault("sub_a", status=500)]
    company.billing.collect(company.job, 1)
    company.billing.pause(company.job, NOW.date(), 6000, 5000)
    done = run(company, "status")
    found = said(done)
    assert (done.returncode, found["state"], found["tenants_left"]) == (1, "paused", 1)
    assert found["tenants"][0]["tenant_id"] == tenant_id
    assert [(one["status"], one["amount_minor"]) for one in found["fees"]] == [
        ("failed", 2500),
        ("invoiced", 100),
    ]
    assert found["failed"][0]["id"] == failing and "card_declined" in found["failed"][0]["error"]


def test_a_person_resumes_and_tries_a_fee_again(company: Company, run: Run) -> None:
    (fee_id,) = company.owe(2500)
    company.subscribe("sub_a")
    company.stripe.faults.append(declined())
    company.billing.collect(company.job, 1)
    company.billing.pause(company.job, NOW.date(), 6000, 5000)
    done = run(company, "resume", "by=ana@example.com")
    found = said(done)
    assert (done.returncode, found["resumed_by"], found["resumed"]) == (0, "ana@example.com", 1)
    assert company.paused_at_stripe() == [] and "note" not in found
    again = said(run(company, "resume", "by=bob"))
    assert again["note"].startswith("billing runs already: ana@example.com resumed it before")
    assert said(run(company, "retry", f"fee={fee_id}")) == {"fee": fee_id, "status": "due"}
    assert company.fee(fee_id).status is FeeStatus.DUE
    assert run(company, "retry", f"fee={fee_id}").returncode == 0
    assert company.another().collect(company.job, 1).invoiced == 1
    done = run(company, "retry", f"fee={fee_id}")
    assert (done.returncode, done.stderr) == (
        2,
        f"fee {fee_id} is invoiced; only one that failed or is due can be tried again\n",
    )


def test_it_reconciles_and_repairs_when_told(company: Company, run: Run) -> None:
    company.owe(2500)
    company.billing.collect(company.job, 1)
    company.stripe.end("in_000001", "paid")
    done = run(company, "reconcile", "days=3650")
    first, _, rest = done.stdout.partition("\n")
    assert done.returncode == 1 and json.loads(first)["what"] == "ended"
    assert json.loads(rest) == {"days": 3650, "differences": 1, "repaired": 0}
    done = run(company, "reconcile", "days=3650", "--repair")
    assert done.returncode == 0 and '"repaired": true' in done.stdout
    assert said(run(company, "reconcile", "days=3650"))["differences"] == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), HOW),
        (("pause",), HOW),
        (("resume",), HOW),
        (("resume", "by="), HOW),
        (("resume", "by=a", "by=b"), HOW),
        (("status", "by=ana"), HOW),
        (("status", "--repair"), HOW),
        (("resume", "by=ana", "day=tomorrow"), "'tomorrow' is no day; write it as 2030-01-31"),
        (("retry", "fee=x"), "fee=x is no whole number, such as fee=7"),
        (("retry", "fee=99"), "there is no fee 99"),
        (("resume", "by=ana"), "billing is not paused, so there is nothing to resume"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(
    company: Company, run: Run, words: tuple[str, ...], told: str
) -> None:
    done = run(company, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(told) and done.stderr.count("\n") == 1


def test_a_database_that_does_not_fit_is_told(
    company: Company,
    run: Run,
    empty: Secret,
) -> None:
    with writing(empty) as session:
        session.execute(text("UPDATE belfry_version SET version_num = '0002'"))
    done = run(company, "status")
    assert (done.returncode, done.stdout) == (2, "")
    assert "schema is 0002, and the code needs 0005: run `python" in done.stderr


def test_without_a_database_it_says_which_setting_is_missing(run: Run) -> None:
    done = run(None, "status")
    assert done.returncode == 2 and done.stderr.startswith("DATABASE_URL is not set; it says")


def test_the_audit_is_told_who_resumed_it_where_a_storage_account_is_set(
    company: Company, commands: Commands, azurite: Azurite
) -> None:
    company.billing.pause(company.job, NOW.date(), 6000, 5000)
    prefix = f"told{uuid4().hex[:8]}"
    done = commands.run(
        *("billing", "resume", "by=ana@example.com"),
        BELFRY_LOCAL_SETTINGS=str(Path("tests/unit/no.settings.json").absolute()),
        DATABASE_URL=company.url.reveal(),
        AzureWebJobsStorage=azurite.connection_string,
        BELFRY_PREFIX=prefix,
    )
    assert done.returncode == 0, done.stderr
    table = TableClient.from_connection_string(azurite.connection_string, f"{prefix}audit")
    with table:
        (row,) = table.list_entities()
    told = json.loads(row["text0"])
    assert (told["action"], told["outcome"]) == ("resume", "done")
    assert told["after"] == {"by": "ana@example.com", "exit_code": 0}
