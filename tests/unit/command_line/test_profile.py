"""Where Belfry is, and with which keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from belfry.problems import Exit, Failure
from belfry.profile import DEFAULT_URL, Asked, Where, find

CONFIG = """\
default = "local"
[profiles.local]
url = "http://localhost:7000"
[profiles.live]
url = "https://belfry.example/"
key_file = "{key}"
function_key = "door"
"""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    key, config = tmp_path / "key", tmp_path / "config.toml"
    key.write_text("bfy_a\n")
    config.write_text(CONFIG.format(key=key))
    key.chmod(0o600)
    config.chmod(0o600)
    return {"BELFRY_CONFIG": str(config)}


def test_without_anything_it_is_on_this_machine(tmp_path: Path) -> None:
    assert find(Asked(), {"XDG_CONFIG_HOME": str(tmp_path)}) == Where(url=DEFAULT_URL)


def test_an_option_comes_before_the_environment_before_the_profile(
    environ: dict[str, str], tmp_path: Path
) -> None:
    assert find(Asked(), environ).url == "http://localhost:7000"
    live = Where(url="https://belfry.example", key="bfy_a", function_key="door")
    assert find(Asked(profile="live"), environ) == live
    assert find(Asked(), environ | {"BELFRY_PROFILE": "live"}) == live
    given = environ | {"BELFRY_PROFILE": "live", "BELFRY_KEY": "bfy_b"}
    assert find(Asked(), given).key == "bfy_b"
    (tmp_path / "other").write_text("bfy_c")
    (tmp_path / "other").chmod(0o600)
    assert find(Asked(key_file=tmp_path / "other"), given).key == "bfy_c"


def test_the_keys_of_a_profile_go_to_its_own_url_alone(environ: dict[str, str]) -> None:
    asked = Asked(profile="live", url="https://else.example")
    assert find(asked, environ) == Where(url="https://else.example")


def test_no_key_is_sent_in_clear_text_or_shown(environ: dict[str, str]) -> None:
    given = environ | {"BELFRY_KEY": "bfy_b"}
    with pytest.raises(Failure, match="not https"):
        find(Asked(url="http://belfry.example"), given)
    for url in ("http://127.0.0.1:1", "http://[::1]:1", "https://belfry.example"):
        found = find(Asked(url=url), given)
        assert found.key == "bfy_b" and "bfy_b" not in repr(found)


@pytest.mark.parametrize("name", ["key", "config.toml"])
def test_a_file_that_others_can_read_is_refused(
    environ: dict[str, str], tmp_path: Path, name: str
) -> None:
    (tmp_path / name).chmod(0o640)
    with pytest.raises(Failure, match="chmod 600") as told:
        find(Asked(profile="live"), environ)
    assert told.value.code is Exit.WRONG


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("[", "config.toml"),
        ("default = 'a'", r"no \[profiles.a\]"),
        ("default = 'a'\n[profiles.a]\nurls = ''", "'urls'"),
        ("default = 'a'\n[profiles.a]\nurl = 7", "no text"),
        ("default = 'a'\n[profiles.a]\nkey = ''", "no key in it"),
        ("default = 'a'\n[profiles.a]\nkey = 'a b'", "no key in it"),
        ("default = 'a'\n[profiles.a]\nkey_file = '/none'", "cannot be read"),
        ("default = 'a'\n[profiles.a]\nurl = 'ftp://a'", "is no URL"),
        ("default = 'a'\n[profiles.a]\nurl = 'https://u:p@a'", "is no URL"),
    ],
)
def test_a_config_that_is_wrong_says_so(
    environ: dict[str, str], tmp_path: Path, config: str, said: str
) -> None:
    (tmp_path / "config.toml").write_text(config)
    with pytest.raises(Failure, match=said):
        find(Asked(), environ)


def test_a_profile_that_is_not_there(environ: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"profiles\.none"):
        find(Asked(profile="none"), environ)
    with pytest.raises(Failure, match="there is no profile"):
        find(Asked(profile="none"), {"BELFRY_CONFIG": str(tmp_path / "no")})
