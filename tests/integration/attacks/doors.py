"""Keys that do not count or are of too low a role, headers that claim to be somebody, and ways
around the door. Every route is asked so in `access/test_walk.py`; here is each way of asking."""

from __future__ import annotations

from shared.access import sign_in
from tests.integration.attacks.attack import Attack
from tests.integration.attacks.others import CALENDARS, KEYS, SCHEDULES
from tests.unit.access.test_sign_in import header

COSTS = "/api/v1/costs"
FEED = "/api/v1/calendar.ics"
ADMIN = header("Belfry.Admin")


def _shut(name: str, says: str, asks: str = f"GET {KEYS}", by: str | None = None) -> Attack:
    return Attack(name, asks, 401, says, by=by)


def _headers(name: str, status: int, by: str | None = None, **headers: str) -> Attack:
    sent = {one.replace("_", "-"): value for one, value in headers.items()}
    return Attack(name, f"GET {KEYS}", status, headers=sent, by=by)


NO_KEY = [
    _shut("no key", "no key was sent"),
    _shut("a key that was revoked", "it was revoked", by="revoked"),
    _shut("a key that expired", "it has expired", by="expired"),
    _shut("a key of nobody", "there is no such key", by="of nobody"),
    _shut("the id of a key with another's secret", "no such key", by="admin's id, own secret"),
    _shut("a key in capitals", "does not look like one", by="in capitals"),
    _shut("a key cut short", "does not look like one", by="cut short"),
    _shut("a key in the query", "no key was sent", f"GET {KEYS}?code=<admin secret>"),
    _shut("HEAD without a key", "", f"HEAD {KEYS}"),
    _shut("OPTIONS without a key", "no key was sent", f"OPTIONS {KEYS}"),
    _shut("a path that is not there", "no key was sent", "GET /api/v1/nothing"),
    _shut("a path with two slashes", "no key was sent", f"GET /{KEYS}"),
    _shut("the open page in capitals", "no key was sent", "GET /api/DOCS/../v1/keys"),
    Attack("a path under the open page", "GET /api/docs/..%2Fv1%2Fkeys", 404, by=None),
    Attack("a path beside the open page", "GET /api/docs%2F..%2Fv1/keys", 404, by=None),
    Attack("a file under the open page", "GET /api/docs/..%2F..%2Fapp.py", 404, by=None),
    _shut("a feed's token at the API", "no key was sent", f"GET {FEED}?token=<their token>"),
]

HEADERS = [
    _headers("a forged sign-in", 401, x_ms_client_principal=ADMIN),
    _headers("two forged sign-ins", 401, X_MS_CLIENT_PRINCIPAL=ADMIN, x_ms_client_principal=ADMIN),
    _headers("a forged name", 401, x_ms_client_principal_name="ana", x_ms_client_principal_id="1"),
    _headers("a token of the platform", 401, x_ms_token_aad_access_token="x"),
    _headers("a password", 401, authorization="Basic YWRtaW46YWRtaW4="),
    _headers("a key under another name", 401, x_api_key="<admin secret>"),
    _headers("a key as a cookie", 401, cookie="authorization=<admin secret>"),
    _headers("a token without a signature", 401, authorization="Bearer eyJhbGciOiJub25lIn0.e30."),
    _headers("an address of the house", 401, x_forwarded_for="127.0.0.1", x_real_ip="127.0.0.1"),
    _headers("a sign-in beside a key", 403, "viewer", x_ms_client_principal=ADMIN),
    Attack(
        "a sign-in for what is of all", f"GET {COSTS}", 403, "all projects",
        headers={sign_in.HEADER: ADMIN},
    ),
    Attack(
        "another method in a header", f"POST {SCHEDULES}/<own schedule>/disable", 403, "operator",
        headers={"x-http-method-override": "GET"}, by="viewer",
    ),
    Attack(
        "another method in the query", f"GET {SCHEDULES}/<own schedule>?_method=DELETE", 422,
        "no such parameter", by="viewer",
    ),
    Attack(
        "another path in a header", f"GET {SCHEDULES}/<their schedule_id>", 404, "no schedule",
        headers={"x-original-url": KEYS, "x-rewrite-url": KEYS},
    ),
]  # fmt: skip

ROLES = [
    Attack("a viewer creates", f"POST {SCHEDULES}", 403, "role operator", {}, by="viewer"),
    Attack(
        "a viewer runs", f"POST {SCHEDULES}/<own schedule>/execute", 403, "role operator",
        {"force": True}, by="viewer",
    ),
    Attack(
        "a viewer changes what is not there", f"PATCH {SCHEDULES}/x", 403, "role operator",
        {}, by="viewer",
    ),
    Attack(
        "a viewer makes a feed", f"POST {CALENDARS}/feeds", 403, "role operator",
        {"name": "x"}, by="viewer",
    ),
    Attack("an operator lists keys", f"GET {KEYS}", 403, "role admin", by="operator"),
    Attack(
        "an operator makes a key", f"POST {KEYS}", 403, "role admin",
        {"name": "x", "role": "admin"}, by="operator",
    ),
    Attack(
        "an operator makes itself an admin", f"PATCH {KEYS}/<operator key>", 403, "role admin",
        {"role": "admin"}, by="operator",
    ),
    Attack(
        "an operator of all makes a key", f"POST {KEYS}", 403, "role admin",
        {"name": "x", "role": "viewer"}, by="operator of all",
    ),
    Attack(
        "an admin of a project reads costs", f"GET {COSTS}", 403, "concerns all projects",
    ),
    Attack(
        "an admin of a project restores", "POST /api/v1/backups/<their backup_id>/restore", 403,
        "concerns all projects", {"database": "x"},
    ),
    Attack("an admin of a project gives out all", f"POST {KEYS}", 403, "only those",
           {"name": "x", "role": "admin", "projects": [2, 1]}),
    Attack(
        "a viewer reads an audit of keys", "GET /api/v1/audit?kind=key", 200, '"total":0',
        by="viewer",
    ),
]  # fmt: skip


def _feed(name: str, query: str, status: int = 404, says: str = "no feed has this token") -> Attack:
    return Attack(name, f"GET {FEED}{query}", status, says, by=None, of_feed=True)


FEEDS = [
    _feed("no token", ""),
    _feed("a token that is not there", f"?token=belfry-feed-{'a' * 43}"),
    _feed("a token with a line break", "?token=<their token>%0A"),
    _feed("a token in capitals", "?token=<their token in capitals>"),
    _feed("a token of a feed that was revoked", "?token=<revoked token>"),
    _feed("a key as a token", "?token=<admin secret>"),
    _feed("a token of 10,000 letters", f"?token={'a' * 10_000}", 422, "token"),
    _feed("a token for another project", "?token=<own token>&project_id=1", 200, "SUMMARY:second"),
]

DOORS = [*NO_KEY, *HEADERS, *ROLES, *FEEDS]
