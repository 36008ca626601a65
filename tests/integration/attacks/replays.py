"""`Idempotency-Key` and conditions, sent by whom they do not concern."""

from __future__ import annotations

from tests.integration.attacks.attack import Attack
from tests.integration.attacks.others import SCHEDULES
from tests.integration.attacks.world import SCHEDULE

USED = {"Idempotency-Key": "<used key>"}
THEIRS = {**SCHEDULE, "name": "<their name>", "tags": {"managed_by": "<mark>"}}

REPLAYS = [
    Attack(
        "an owner's request, sent by a stranger", f"POST {SCHEDULES}", 422, "Idempotency-Key",
        THEIRS, USED,
    ),
    Attack(
        "an owner's request, sent without its key", f"POST {SCHEDULES}", 401, "no key was sent",
        THEIRS, USED, by=None,
    ),
    Attack(
        "an owner's request, sent by a viewer", f"POST {SCHEDULES}", 403, "role operator",
        THEIRS, USED, by="viewer",
    ),
    Attack(
        "a key of another request", f"POST {SCHEDULES}", 422, "another request had this key",
        {**SCHEDULE, "name": "other"}, USED,
    ),
    Attack(
        "a key of another route", f"POST {SCHEDULES}/<own schedule>/execute", 422,
        "another request had this key", {"force": True}, USED,
    ),
    Attack(
        "a key at a schedule of others", f"POST {SCHEDULES}/<their schedule_id>/execute", 404,
        "there is no schedule", {"force": True}, USED,
    ),
    Attack(
        "one's own request for another project", f"POST {SCHEDULES}", 403, "project 1",
        {**SCHEDULE, "name": "own", "project_id": 1}, USED,
    ),
    Attack(
        "one's own request after the key got another project", f"POST {SCHEDULES}", 422,
        "another request had this key", {**SCHEDULE, "name": "moved"},
        {"Idempotency-Key": "moved"}, by="moved",
    ),
    *(
        Attack(f"a key that is none: {name}", f"POST {SCHEDULES}", 422, "Idempotency-Key",
               SCHEDULE, {"Idempotency-Key": value})
        for name, value in (
            ("empty", ""), ("256 letters", "a" * 256), ("a space", "a b"), ("a quote", 'a"b'),
            ("a row key", "a/../b\\c?#" + "x" * 246), ("a tab", "a\tb"),
        )
    ),
    *(
        Attack(f"{name} at a schedule of others: {method}", f"{method} {SCHEDULES}/<their etagged>",
               404, "there is no schedule", body, {header: value})
        for name, header, value in (
            ("the right ETag", "If-Match", "<their etag>"),
            ("a wrong ETag", "If-Match", '"1-0"'),
            ("any ETag", "If-Match", "*"),
        )
        for method, body in (("PATCH", {"name": "x"}), ("DELETE", None))
    ),
    *(
        Attack(f"{name} at a schedule of others: GET", f"GET {SCHEDULES}/<their etagged>", 404,
               "there is no schedule", headers={"If-None-Match": value})
        for name, value in (("the right ETag", "<their etag>"), ("any ETag", "*"))
    ),
    *(
        Attack(f"an ETag that is none: {name}", f"PATCH {SCHEDULES}/<own schedule>", status, says,
               {"name": "x"}, {"If-Match": value})
        for name, value, status, says in (
            ("a revision of 5,000 digits", f'"{"9" * 5000}"', 412, "changed since"),
            ("a weak one", 'W/"1"', 412, "changed since"),
            ("20,000 of them", ", ".join(['"0"'] * 20_000), 412, "changed since"),
            ("20,000 commas", "," * 20_000, 422, "If-Match"),
            ("a quote without an end", '"' + "a" * 20_000, 422, "If-Match"),
        )
    ),
]  # fmt: skip
