"""The app's managed identity, which Azure gives tokens for its services."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from shared.errors import Refused, Unavailable
from shared.log import short

if TYPE_CHECKING:
    from azure.identity import ManagedIdentityCredential

_WHO = "the app's identity"
_SAID = 300


def credential(client_id: str) -> ManagedIdentityCredential:
    """The identity. `client_id`: of the user-assigned one; empty for the system-assigned one."""
    from azure.identity import ManagedIdentityCredential

    return ManagedIdentityCredential(client_id=client_id or None)


class Identity:
    """The identity, for services that no SDK is used for. It keeps a token as long as it holds."""

    def __init__(self, client_id: str) -> None:
        self._client_id = client_id

    def token(self, scope: str) -> str:
        """A token. Raises `Refused` if there is no such identity, `Unavailable` if there is no
        answer."""
        from azure.core.exceptions import AzureError, ClientAuthenticationError

        try:
            found: str = self._credential.get_token(scope).token
        except ClientAuthenticationError as error:
            raise Refused(_WHO, f"gets no token: {short(str(error), _SAID)}") from None
        except AzureError as error:
            raise Unavailable(_WHO, f"gets no token: {short(str(error), _SAID)}") from None
        return found

    @cached_property
    def _credential(self) -> ManagedIdentityCredential:
        return credential(self._client_id)
