"""A person at a laptop signs in to the storage as themselves, by what `az login` left there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.errors import Misconfigured
from shared.identity import AZURE_CLI
from shared.settings import from_env
from shared.settings.reading import for_storage
from shared.storage.account import by_identity

_ENVIRON = {"AzureWebJobsStorage__accountName": "acct", "AZURE_TOKEN_CREDENTIALS": AZURE_CLI}
_SCOPE = "https://storage.azure.com/.default"


def _az(folder: Path, script: str) -> None:
    """An Azure CLI in that folder."""
    program = folder / "az"
    program.write_text(f"#!{sys.executable}\n{script}")
    program.chmod(0o755)


def test_the_token_is_what_az_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expires = datetime.now(UTC) + timedelta(hours=1)
    given = {"accessToken": "from az", "expires_on": int(expires.timestamp())}
    asked = tmp_path / "asked"
    note = f"import sys; open({str(asked)!r}, 'w').write(' '.join(sys.argv[1:]))"
    _az(tmp_path, f"{note}\nprint({json.dumps(given)!r})")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    url, credential = by_identity(for_storage(_ENVIRON).account, "table")
    assert url == "https://acct.table.core.windows.net"
    assert credential.get_token(_SCOPE).token == "from az"
    assert "account get-access-token" in asked.read_text()
    assert "https://storage.azure.com" in asked.read_text()


def test_the_identity_of_the_account_is_not_asked_then() -> None:
    account = for_storage({**_ENVIRON, "AzureWebJobsStorage__clientId": "me"}).account
    assert account.client_id == AZURE_CLI


@pytest.mark.parametrize("given", ["", "ManagedIdentityCredential"])
def test_without_it_the_app_signs_in(given: str) -> None:
    environ = {**_ENVIRON, "AZURE_TOKEN_CREDENTIALS": given, "AzureWebJobsStorage__clientId": "me"}
    assert for_storage(environ).account.client_id == "me"


def test_another_credential_is_refused_with_what_to_use() -> None:
    with pytest.raises(Misconfigured, match=r"AZURE_TOKEN_CREDENTIALS is 'dev'; use AzureCliCred"):
        from_env({**_ENVIRON, "AZURE_TOKEN_CREDENTIALS": "dev"})


def test_who_is_not_signed_in_is_told_to_sign_in(tmp_path: Path) -> None:
    _az(tmp_path, "import sys; sys.exit('Please run \"az login\" to set up an account.')")
    made = subprocess.run(
        [sys.executable, "-m", "functions", "keys", "list"],
        env={**_ENVIRON, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert made.returncode != 0
    assert "az login" in made.stderr and "Traceback" not in made.stderr
