"""Removes secrets from text. The code that writes a log line does not know the settings, so secrets
are recognised by their forms in URLs, connection strings, JSON, headers and Python's own notation.

Each match consumes all the text that it has looked at, and a failed match is not tried again from
within. So the time is linear.
"""

from __future__ import annotations

import re
from typing import Any

_URL = re.compile(r"(?P<keep>://[^:/@\s]*+:)(?P<rest>\S++)")
"""A URL's password may contain any character, even `@`, so the last `@` ends it."""
_NAMES = (
    r"p(?:ass(?:word|wd|phrase)|wd|rivate_?key)|s(?:ig|hared_?access_?(?:key|signature))|"
    r"a(?:ccount_?key|ccess_?token|pi_?key|uthorization)|client_?secret|functions-key|"
    r"refresh_?token"
)
_IS = r"\\{0,2}[\"']?\s{0,4}(?:[=:]|%(?:25){0,2}3[AD])\s{0,4}(?:[bru](?=[\"']))?+"
_NEXT = r"[\w.-]++(?:=|%3D)"
"""What follows a `;` or `&` that ends a value; a password may contain these characters."""
_ENDS = r"[\"'](?:[\s,;&)\]}>]|$)"
"""A quote that ends the text around the value; any other quote may belong to a password."""
_BARE = rf"(?:[^\s;&\"'\\%]|[;&](?!{_NEXT})|%(?!26{_NEXT})|\\'|\\(?!{_ENDS})|(?!{_ENDS})[\"'])++"
_VALUE = (
    r"\"(?:[^\"\\\n]|\\.)*+\"?+"
    r"|'(?:[^'\\\n]|\\.|'')*+'?+"
    r"|\\[\"'](?:\\{3}[\"']|[^\\\n]|\\(?![\"']))*+(?:\\[\"'])?+"
    rf"|(?:(?:bearer|basic|sharedkey(?:lite)?|sharedaccesssignature)\s++)?+{_BARE}"
)
"""In quotes, which may be escaped, or bare. Without a closing quote, a value ends with its line."""
_NAMED = re.compile(
    rf"(?=[acfprsACFPRS])(?P<keep>(?:{_NAMES}){_IS}|\bcode(?:=|%3D))(?P<value>{_VALUE})",
    re.IGNORECASE | re.ASCII,
)
_NAMED_HINTS = (
    *("passw", "passphrase", "pwd", "sig", "code=", "code%3d", "_key", "private", "authorization"),
    *("accountkey", "accesskey", "apikey", "functions-key", "secret", "token"),
)
_ALONE = re.compile(
    r"(?P<keep>AGE-SECRET-KEY-|\bbearer\s++(?=\S{12})|\bSG\.(?=[\w-]{16})|/bot\d++:"
    r"|hooks\.slack\.com/|webhook\.office\.com/|\b(?:[rs]k_(?:live|test)_|whsec_)|bfy_\w{0,12}_"
    r"|(?<![\w-])eyJ(?=[\w-]++\.eyJ))[^\s\"'\\]++",
    re.IGNORECASE,
)
"""Secrets with a form of their own: keys of Belfry, age, SendGrid and Stripe, a bot's token,
webhooks, tokens such as Entra's (JWT)."""
_ALONE_HINTS = (
    *("age-secret-key-", "bearer", "sg.", "/bot", "hooks.slack", "webhook.office"),
    *("k_live_", "k_test_", "whsec_", "bfy_", ".eyj"),
)
_PEM = re.compile(r"(?P<keep>PRIVATE KEY-----)[\w\s+/=\\]++")


def redact(text: str) -> str:
    """`text` without passwords in URLs, keys, tokens and signatures. Takes linear time."""
    text = _URL.sub(_without_password, text)
    lowered = text.lower()
    if any(hint in lowered for hint in _NAMED_HINTS):
        text = _NAMED.sub(_without_value, text)
        text = _PEM.sub(r"\g<keep>***", text)
    if any(hint in lowered for hint in _ALONE_HINTS):
        text = _ALONE.sub(r"\g<keep>***", text)
    return text


def masked(url: str) -> str:
    """A URL that is a secret, as people may see it: its scheme and host."""
    scheme, _, rest = url.partition("://")
    host = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    return f"{scheme}://{host}/***"


def masked_address(address: str) -> str:
    """An e-mail address as people may see it who need not know whose it is: `a***@example.com`."""
    name, _, place = address.rpartition("@")
    return f"{name[:1]}***@{place}"


def _without_password(match: re.Match[str]) -> str:
    _, at, host = match["rest"].rpartition("@")
    return f"{match['keep']}***@{host}" if at else match[0]


def _without_value(match: re.Match[str]) -> str:
    """The match with stars in place of the value. The quotes stay, so that the text can still be
    parsed."""
    value = match["value"]
    mark = value[: 2 if value[0] == "\\" else 1] if value[0] in "\\\"'" else ""
    closed = mark and len(value) > len(mark) and value.endswith(mark)
    return f"{match['keep']}{mark}***{mark if closed else ''}"


_SECRET_FIELD = re.compile(rf"{_NAMES}|secret|token|credential|connection_?string", re.IGNORECASE)


def without_secrets(value: Any) -> Any:
    """A JSON value without secrets: whatever a field holds whose name is that of a secret, and what
    `redact` finds in texts, names included."""
    if isinstance(value, dict):
        return {
            redact(name): "***" if one and _SECRET_FIELD.search(name) else without_secrets(one)
            for name, one in value.items()
        }
    if isinstance(value, list):
        return [without_secrets(one) for one in value]
    return redact(value) if isinstance(value, str) else value
