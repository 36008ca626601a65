"""A refusal by storage says what to do: which role is missing, and on which account."""

from __future__ import annotations

import pytest
from azure.core.exceptions import AzureError

from shared.errors import Refused
from shared.storage.failures import translated
from tests.unit.storage.script import Answer, Service
from tests.unit.storage.test_sign_in import Identity


def refused(code: str, service: str = "table storage", url: str = "https://stb.table.x.net") -> str:
    told = Service(Answer(403, headers={"x-ms-error-code": code}))
    with pytest.raises(Refused) as caught, translated(service):
        told.wire(Identity(), url=url).get("p", "k")
    return str(caught.value)


def test_a_missing_role_is_named_with_its_account() -> None:
    said = refused("AuthorizationPermissionMismatch")
    assert said.startswith("table storage: no permission (403 AuthorizationPermissionMismatch): ")
    assert "needs the role Storage Table Data Contributor on the storage account stb;" in said


@pytest.mark.parametrize(
    ("service", "role"),
    [
        ("queue storage", "Storage Queue Data Contributor"),
        ("blob storage (container backups)", "Storage Blob Data Contributor"),
    ],
)
def test_each_service_has_its_role(service: str, role: str) -> None:
    assert f"the role {role} on" in refused("AuthorizationPermissionMismatch", service)


def test_the_account_of_an_emulator_is_in_its_path() -> None:
    said = refused("AuthorizationPermissionMismatch", url="https://127.0.0.1:10002/stlocal")
    assert "on the storage account stlocal;" in said


def test_an_account_with_a_domain_of_its_own_is_named_by_it() -> None:
    said = refused("AuthorizationPermissionMismatch", url="https://files.example.com")
    assert "on the storage account files.example.com;" in said


def test_a_firewall_and_an_account_without_keys_are_told_apart() -> None:
    assert "the firewall of the storage account stb does not let the app in" in refused(
        "AuthorizationFailure"
    )
    assert "stb takes no keys; set NAME__accountName" in refused(
        "KeyBasedAuthenticationNotPermitted"
    )


def test_of_another_refusal_only_its_code_is_told() -> None:
    assert refused("AuthenticationFailed").endswith("no permission (403 AuthenticationFailed)")


def test_an_error_without_an_answer_is_no_refusal() -> None:
    with pytest.raises(Exception, match="did not answer"), translated("table storage"):
        raise AzureError("gone")
