"""Checks the values of settings. A check raises `ValueError`, which says what to use instead."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from decimal import Decimal

from shared import money, outgoing
from shared.settings.model import PRIMARY, Tracing
from shared.settings.regions import MISTAKEN, REGIONS

_AGE = "age-secret-key-"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_HOURS = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)")
_SITE = re.compile(
    r"/subscriptions/[\w-]+/resourceGroups/[\w.()-]+/providers/Microsoft\.Web/sites/[\w-]+",
    re.IGNORECASE | re.ASCII,
)
_TAKEN = ("all", "database", "postgres", "state", PRIMARY, "drive")


def shards(value: str) -> int:
    return _whole(value, 1, 256)


def lease(value: str) -> int:
    return _whole(value, 3, 600)


def hands(value: str) -> int:
    return _whole(value, 1, 1000)


def each(value: str) -> int:
    return _whole(value, 0, 500)


def backfill(value: str) -> int:
    return _whole(value, 1, 1_000_000)


def series(value: str) -> int:
    return _whole(value, 1, 10_000)


def a_minute(value: str) -> int:
    return _whole(value, 0, 1_000_000)


def interval(value: str) -> int:
    return _whole(value, 60, 86_400)


def an_hour(value: str) -> int:
    return _whole(value, 1, 400)


def mails(value: str) -> int:
    return _whole(value, 1, 100_000)


def ecosystems(value: str) -> tuple[str, ...]:
    """Ecosystems of OSV, as OSV writes them."""
    known = {one.lower(): one for one in ("PyPI", "npm")}
    found = [known.get(one.strip().lower(), "") for one in value.split(",") if one.strip()]
    if not found or not all(found):
        raise ValueError("use PyPI, npm, or both with a comma between")
    return tuple(dict.fromkeys(found))


def minutes(value: str) -> int:
    return _whole(value, 0, 1440)


def days(value: str) -> int:
    return _whole(value, 1, 3650)


def approval_days(value: str) -> int:
    return _whole(value, 1, 365)


def retention(value: str) -> int:
    return _whole(value, 30, 3650)


def job_retention(value: str) -> int:
    """0, or 7 and more: readers do not look for younger jobs in the archive (`archive.going`)."""
    try:
        return 0 if value == "0" else _whole(value, 7, 3650)
    except ValueError:
        raise ValueError("use a whole number of days from 7 to 3650, or 0 for never") from None


def points(value: str) -> int:
    return _whole(value, 0, 100)


def thresholds(value: str) -> tuple[int, ...]:
    """Different days with commas between, most first."""
    try:
        found = {_whole(part.strip(), 1, 365) for part in value.split(",")}
    except ValueError:
        raise ValueError("use whole numbers of days from 1 to 365, with commas between") from None
    return tuple(sorted(found, reverse=True))


def switch(value: str) -> bool:
    if value not in ("true", "false"):
        raise ValueError("use true or false")
    return value == "true"


def region(value: str) -> str:
    if value not in REGIONS:
        meant = MISTAKEN.get(value.upper(), value.upper())
        if meant in REGIONS:
            raise ValueError(f"use a country's code of two letters; did you mean {meant}?")
        raise ValueError("use a country's code of two letters, such as US or GB")
    return value


def hours(value: str) -> tuple[int, int]:
    """From and to, in minutes since midnight."""
    if not _HOURS.fullmatch(value):
        raise ValueError("use the hours from and to, such as 09:00-20:00")
    opens, closes = (int(part[:2]) * 60 + int(part[3:]) for part in value.split("-"))
    if opens == closes:
        raise ValueError("use two different hours, such as 09:00-20:00; all day is 00:00-24:00")
    return opens, closes


def scaling(value: str) -> str:
    if value not in ("off", "recommend", "apply"):
        raise ValueError("use off, recommend or apply")
    return value


def site(value: str) -> str:
    """The resource id of an app, or nothing."""
    if value and not _SITE.fullmatch(value):
        raise ValueError(
            "use the app's resource id, such as "
            "/subscriptions/ID/resourceGroups/NAME/providers/Microsoft.Web/sites/NAME"
        )
    return value


def ready(value: str) -> tuple[int, int]:
    return _range(value, 0, 100)


def instances(value: str) -> tuple[int, int]:
    return _range(value, 1, 1000)


def concurrency(value: str) -> tuple[int, int]:
    return _range(value, 1, 1000)


def _range(value: str, least: int, most: int) -> tuple[int, int]:
    """Two numbers, the first of which is not the greater one."""
    first, _, last = value.partition("-")
    try:
        found = _whole(first.strip(), least, most), _whole(last.strip(), least, most)
    except ValueError:
        found = (1, 0)
    if found[0] > found[1]:
        raise ValueError(
            f"use two whole numbers from {least} to {most}, the lower one first, with - between"
        )
    return found


def daily(value: str) -> int:
    return _whole(value, 0, 1_000_000_000)


def per_second(value: str) -> int:
    return _whole(value, 0, 1000)


def price(value: str) -> int:
    """In millionths."""
    if not re.fullmatch(r"[0-9]{1,2}(\.[0-9]{1,6})?", value):
        raise ValueError("use an amount below 100 with at most six decimals, such as 0.0079")
    return int(Decimal(value) * 1_000_000)


def memory(value: str) -> int:
    return _whole(value, 128, 65_536)


def millionths(value: str) -> Decimal:
    if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,6})?", value):
        raise ValueError("use a number of millionths, such as 26 or 0.036")
    return Decimal(value)


def places(value: str) -> tuple[str, ...]:
    """Networks and hosts with commas between, also with ports."""
    found = tuple(part.strip().lower() for part in value.split(",") if part.strip())
    outgoing.allowed(found)
    return found


def ports(value: str) -> tuple[int, ...]:
    """Ports with commas between."""
    try:
        return tuple(_whole(part.strip(), 1, 65_535) for part in value.split(","))
    except ValueError:
        raise ValueError("use whole numbers from 1 to 65535, with commas between") from None


def _whole(value: str, least: int, most: int) -> int:
    if not (value.isascii() and value.isdigit() and least <= int(value) <= most):
        raise ValueError(f"use a whole number from {least} to {most}")
    return int(value)


def currency(value: str) -> str:
    if not money.is_currency(value):
        raise ValueError("use a currency's code of three letters, such as USD")
    return value


def above_zero(value: str, currency: str) -> int:
    """An amount in the currency, in its minor units."""
    found = money.minor_units(value, currency)
    if found <= 0:
        raise ValueError("use an amount above 0")
    return found


def prefix(value: str) -> str:
    if not (value.isascii() and value.isalnum() and value.islower() and value[:1].isalpha()):
        raise ValueError("use lower-case letters and digits, a letter first")
    if len(value) > 20:
        raise ValueError("use at most 20 characters")
    return value


def names(value: str, name: str, problems: list[str]) -> list[str]:
    """The names in a list with commas; what is wrong with them is added to `problems`."""
    found = [part.strip() for part in value.split(",") if part.strip()]
    problems += [
        f"{name} has {one!r}; use lower-case letters and digits, a letter first, at most 20, and "
        f"none of {', '.join(_TAKEN)}"
        for one in dict.fromkeys(found)
        if one in _TAKEN or not re.fullmatch(r"[a-z][a-z0-9]{0,19}", one)
    ]
    return [one for one in dict.fromkeys(found) if one not in _TAKEN]


def age_keys(value: str) -> Iterator[str]:
    """What is wrong with a list of secret keys of age, with commas between; no key is shown."""
    found = [part.strip() for part in value.split(",") if part.strip()]
    if value and not found:
        yield "BACKUP_ENCRYPTION_KEY has no key in it"
    for number, key in enumerate(found, 1):
        if not _age_key(key):
            yield (
                f"BACKUP_ENCRYPTION_KEY: key {number} is not a secret key of age; use what "
                "age-keygen prints, AGE-SECRET-KEY-1..., several with commas between"
            )


def sealing_keys(value: str) -> list[bytes]:
    """The keys in a list with commas between, each of 32 bytes. Raises `ValueError`, which shows no
    key; a value without one is no list."""
    found = [part.strip() for part in value.split(",") if part.strip()]
    if value and not found:
        raise ValueError("it has no key in it")
    return [_sealing_key(one) for one in found]


def _sealing_key(text: str) -> bytes:
    try:
        found = base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except ValueError:
        found = b""
    if len(found) != 32:
        raise ValueError(
            "use 32 random bytes in base64, as `openssl rand -base64 32` prints them, several with "
            "commas between"
        )
    return found


def vault_url(value: str) -> str:
    """Where a Key Vault answers, without a slash at its end; empty if there is none."""
    if value and not re.fullmatch(r"https://[A-Za-z0-9.-]+(:\d+)?/?", value):
        raise ValueError("use the URL of a Key Vault, such as https://name.vault.azure.net")
    return value.rstrip("/")


def _age_key(key: str) -> bool:
    """Whether a key's form and checksum are right: 32 bytes in Bech32 (BIP 173). pyrage could check
    that too, but its import takes longer than reading all settings."""
    text = key.lower()
    if key not in (text, key.upper()) or not re.fullmatch(f"{_AGE}1[{_BECH32}]{{58}}", text):
        return False
    sum_ = 1
    data = [_BECH32.index(one) for one in text.removeprefix(f"{_AGE}1")]
    for one in [*(ord(c) >> 5 for c in _AGE), 0, *(ord(c) & 31 for c in _AGE), *data]:
        top, sum_ = sum_ >> 25, (sum_ & 0x1FFFFFF) << 5 ^ one
        for bit, term in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            sum_ ^= term if top >> bit & 1 else 0
    return sum_ == 1


def url(value: str) -> None:
    if not re.fullmatch(r"https?://[^/\s]+\S*", value):
        raise ValueError("use a URL that begins with https://")


def stripe(key: str, address: str) -> Iterator[str]:
    """What is wrong with Stripe's settings; the key is not shown. A key that the platform could not
    resolve is reported elsewhere."""
    if key and not key.startswith(("sk_", "rk_", "@")):
        yield (
            "STRIPE_API_KEY is no secret key of Stripe; use one that begins with sk_ (secret) or "
            "rk_ (restricted)"
        )
    try:
        url(address)
    except ValueError as error:
        yield f"STRIPE_URL is {address!r}; {error}"


def paused_invoices(value: str) -> str:
    if value not in _PAUSED:
        raise ValueError(f"use one of {', '.join(_PAUSED)}")
    return value


_PAUSED = ("void", "keep_as_draft", "mark_uncollectible")
"""https://docs.stripe.com/billing/subscriptions/pause-payment"""


def base_url(value: str) -> None:
    """The URL of an app: paths are added to it."""
    if not re.fullmatch(
        r"https?://(?:[\w.-]+|\[[\da-fA-F:.]+\])(?::\d{1,5})?(?:/[^?#\s]*[^/?#\s])?", value
    ):
        raise ValueError(
            "use a URL such as https://belfry.example.com, without a slash at its end, a query or "
            "a password"
        )


def tracing(value: str) -> Tracing:
    try:
        return Tracing(value)
    except ValueError:
        raise ValueError("use off, azure or console") from None


def ratio(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise ValueError("use a number from 0 to 1, such as 0.25 for a quarter of all traces")
    return number


_INSTRUMENTATION_KEY = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def is_insights(value: str) -> bool:
    """Whether it can be a connection string of Application Insights.
    https://learn.microsoft.com/azure/azure-monitor/app/connection-strings"""
    parts = value.split(";")
    if any(part.count("=") != 1 for part in parts):  # not even at the end, for the exporter
        return False
    return bool(_INSTRUMENTATION_KEY.fullmatch(_pairs(value).get("instrumentationkey", "")))


def insights_sign_in(value: str) -> dict[str, str]:
    """What it says, by names in small letters; nothing if it is not set."""
    if not value:
        return {}
    said = _pairs(value)
    if said.get("authorization") != "AAD":
        raise ValueError("use Authorization=AAD, or ClientId=<client id>;Authorization=AAD")
    return said


def _pairs(value: str) -> dict[str, str]:
    """The parts of `Name=value;...`, by names in small letters."""
    found = (part.partition("=") for part in value.split(";") if part)
    return {name.strip().lower(): text.strip() for name, _, text in found}
