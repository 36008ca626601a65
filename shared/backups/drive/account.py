"""The service account that Belfry uses at Google Drive, from the key in GDRIVE_SERVICE_ACCOUNT."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from shared.errors import Misconfigured
from shared.settings import DriveSettings

if TYPE_CHECKING:
    from google.oauth2.service_account import Credentials

_SCOPE = "https://www.googleapis.com/auth/drive"
_NEEDED = ("client_email", "private_key", "token_uri")


class Account:
    """The account. Never shows its key. Raises `Misconfigured` if the key is not one."""

    def __init__(self, settings: DriveSettings) -> None:
        if not settings.folder_id:
            raise Misconfigured("GDRIVE_SERVICE_ACCOUNT is set, GDRIVE_FOLDER_ID is not; set both")
        if not settings.service_account:
            raise Misconfigured("GDRIVE_FOLDER_ID is set, GDRIVE_SERVICE_ACCOUNT is not; set both")
        try:
            key = json.loads(settings.service_account.reveal())
        except ValueError:
            key = None
        if not isinstance(key, dict) or not all(isinstance(key.get(one), str) for one in _NEEDED):
            raise Misconfigured(
                "GDRIVE_SERVICE_ACCOUNT is not a service account's key; it is the whole JSON that "
                f"Google Cloud gives for one, with {', '.join(_NEEDED)}"
            )
        self._key: dict[str, str] = key

    @property
    def address(self) -> str:
        """The e-mail address that the folder must be shared with."""
        return self._key["client_email"]

    @cached_property
    def credentials(self) -> Credentials:
        """The credentials, which keep the token between calls. Raises `Misconfigured`."""
        from google.auth.exceptions import GoogleAuthError
        from google.oauth2.service_account import Credentials

        try:
            read = cast(Any, Credentials).from_service_account_info
            return cast("Credentials", read(self._key, scopes=[_SCOPE]))
        except (ValueError, TypeError, GoogleAuthError):
            text = "GDRIVE_SERVICE_ACCOUNT: its private_key cannot be read"
        raise Misconfigured(text)
