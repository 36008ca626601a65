"""Each way to people is one module."""

from __future__ import annotations

from shared.notifications.channels import channels_from, ways
from shared.notifications.model import Channel
from shared.settings import from_env


def test_each_channel_is_a_module_that_is_found_by_being_there() -> None:
    assert sorted(one.CHANNEL for one in ways()) == sorted(Channel)


def test_only_what_the_settings_name_is_made() -> None:
    storage = {"AzureWebJobsStorage": "UseDevelopmentStorage=true"}
    assert channels_from(from_env(storage).messaging) == {}
    one = storage | {"SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/x"}
    assert list(channels_from(from_env(one).messaging)) == [Channel.SLACK]
