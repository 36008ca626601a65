"""Where Belfry is, and the keys for it: from options, the environment and the config file.

A key is never the value of an option: it would stand in the shell's history and in the list of
processes. A file that holds one must be its owner's alone, as ssh requires of its keys.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from belfry.problems import Exit, Failure

DEFAULT_URL = "http://localhost:7071"
_FIELDS = {"url", "key", "key_file", "function_key", "function_key_file"}
_LOCAL = ("localhost", "127.0.0.1", "::1")
_LIMIT = 64_000


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the options before the command say; None: nothing."""

    url: str | None = None
    profile: str | None = None
    key_file: Path | None = None
    function_key_file: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Where:
    """Where to ask, and with what."""

    url: str
    """Without a slash at its end."""
    key: str | None = None
    """Belfry's own: `bfy_...`."""
    function_key: str | None = None
    """The host's: the outer door."""

    def __repr__(self) -> str:
        return f"Where({self.url!r})"  # never the keys


def config_path(environ: Mapping[str, str]) -> Path:
    """Where the config file is, or would be."""
    if named := environ.get("BELFRY_CONFIG"):
        return Path(named)
    base = environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "belfry" / "config.toml"


def find(asked: Asked, environ: Mapping[str, str]) -> Where:
    """What holds: an option before the environment, that before the profile. Raises `Failure`.

    A profile's keys are for the profile's URL: if another URL is given, they are left out.
    """
    profile = _profile(asked.profile or environ.get("BELFRY_PROFILE"), config_path(environ))
    given = asked.url or environ.get("BELFRY_URL")
    url = _url(given or profile.get("url", DEFAULT_URL))
    if given and "url" in profile and url != _url(profile["url"]):
        profile = {}
    key = _key("key", asked.key_file, environ.get("BELFRY_KEY"), profile)
    door = environ.get("BELFRY_FUNCTION_KEY")
    function_key = _key("function_key", asked.function_key_file, door, profile)
    if (key or function_key) and _in_clear(url):
        said = (
            f"{url} is not https, so your key would be sent in clear text; give its https address"
        )
        raise Failure(Exit.WRONG, said)
    return Where(url=url, key=key, function_key=function_key)


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        right = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        right = False
    if not right or parts.username or parts.query or parts.fragment:
        raise Failure(Exit.WRONG, f"{text!r:.100} is no URL such as {DEFAULT_URL}")
    return text.rstrip("/")


def _in_clear(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname not in _LOCAL


def _key(
    name: str, file: Path | None, direct: str | None, profile: Mapping[str, str]
) -> str | None:
    if file is not None:
        return _clean(_secret(file), str(file))
    if direct:
        return _clean(direct, f"BELFRY_{name.upper()}")
    if path := profile.get(f"{name}_file"):
        return _clean(_secret(Path(path).expanduser()), path)
    return _clean(profile[name], f"the profile's {name}") if name in profile else None


def _clean(text: str, source: str) -> str:
    key = text.strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise Failure(Exit.WRONG, f"{source} has no key in it: one line, without spaces")
    return key


def _secret(path: Path) -> str:
    """The text of a file that only its owner can read. Raises `Failure`."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(_LIMIT).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(Exit.WRONG, f"{path} cannot be read: {error}") from error
    if os.name == "posix" and mode & 0o077:
        raise Failure(Exit.WRONG, f"{path} can be read by others; type: chmod 600 {path}")
    return text


def _profile(name: str | None, path: Path) -> Mapping[str, str]:
    """The profile of that name, or the one that is the default; empty if there is none."""
    if not path.exists():
        if name is None:
            return {}
        raise Failure(Exit.WRONG, f"there is no profile {name!r}: there is no {path}")
    try:
        config = tomllib.loads(_secret(path))
    except tomllib.TOMLDecodeError as error:
        raise Failure(Exit.WRONG, f"{path}: {error}") from error
    name = name or config.get("default")
    if name is None:
        return {}
    profiles = config.get("profiles", {})
    if not isinstance(profiles, dict) or not isinstance(profiles.get(name), dict):
        raise Failure(Exit.WRONG, f"{path} has no [profiles.{name}]")
    return _checked(profiles[name], f"{path}: [profiles.{name}]")


def _checked(found: dict[str, Any], place: str) -> Mapping[str, str]:
    if unknown := sorted(found.keys() - _FIELDS):
        known = ", ".join(sorted(_FIELDS))
        raise Failure(Exit.WRONG, f"{place} has {unknown[0]!r}; it may have {known}")
    if wrong := [name for name, value in found.items() if not isinstance(value, str)]:
        raise Failure(Exit.WRONG, f"{place}: {wrong[0]} is no text")
    return found
