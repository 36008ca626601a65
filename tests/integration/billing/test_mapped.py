"""Billing works on tables that have names of their own (DATA_NAMES)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from shared.data.names import TABLES
from shared.settings import Secret
from tests.integration.billing.conftest import CUSTOMER
from tests.vendors.stripe import FakeStripe, Fault


def test_every_name_may_be_another(empty: Secret, stripe: FakeStripe, tmp_path: Path) -> None:
    lines = []
    for table, columns in TABLES.items():
        lines += [f"[{table}]", f'table = "their {table}"']
        lines += [f'{column} = "their {column}"' for column in columns]
    file = tmp_path / "names.toml"
    file.write_text("\n".join(lines))
    stripe.customers.add(CUSTOMER)
    stripe.subscribe("sub_a")
    pay = Fault("sub_a", status=200, action=lambda: stripe.end("in_000001", "paid"))
    stripe.faults.append(pay)
    program = [sys.executable, "-m", "tests.integration.billing.mapped"]
    given = [empty.reveal(), stripe.url, str(file)]
    done = subprocess.run([*program, *given], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [1, "paused", "ana", 1, ["invoiced"], ["ended"]]
