"""Each channel to people is a folder that is found by being there."""

from __future__ import annotations

import subprocess
import sys

import pytest

from shared.notifications import channels
from shared.notifications.model import MAIL
from shared.settings import from_env
from tests.integration.notifications.vendors import DOUBLES, settings_of

STORAGE = {"AzureWebJobsStorage": "UseDevelopmentStorage=true"}
URL = "https://example.com"


def test_mail_is_one_of_them() -> None:
    assert MAIL in channels.names()


@pytest.mark.parametrize("name", channels.names())
def test_a_channel_is_set_up_by_its_own_settings(name: str) -> None:
    environ = STORAGE | settings_of([name], URL)
    set_up = from_env(environ, channels=channels.declared()).channels
    assert list(channels.senders(set_up)) == [name]


@pytest.mark.parametrize("name", channels.names())
def test_the_secret_of_its_double_is_in_a_secret_setting(name: str) -> None:
    given = settings_of([name], URL)
    secrets = [given[one.name] for one in channels.declared()[name] if one.secret]
    assert any(DOUBLES[name].secret in one for one in secrets) and DOUBLES[name].secret


@pytest.mark.parametrize("name", channels.names())
def test_no_two_channels_share_a_setting(name: str) -> None:
    others = {one.name for n, of in channels.declared().items() if n != name for one in of}
    assert others.isdisjoint(one.name for one in channels.declared()[name])


def test_none_is_set_up_without_its_settings() -> None:
    assert from_env(STORAGE, channels=channels.declared()).channels == {}


def test_what_they_declare_is_read_without_what_sends() -> None:
    code = (
        "import sys; from shared.notifications import channels; channels.declared();"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = [one for one in done.stdout.split() if one.startswith("shared.notifications.")]
    folders = [f"shared.notifications.channels.{name}" for name in channels.names()]
    assert sorted(loaded) == ["shared.notifications.channels", *folders]
