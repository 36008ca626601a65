"""What follows of answers, against a plain model; what a job does about its approval; who may not
decide; until when."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.access import ENGINE, LOCAL, Caller, Role
from shared.approvals import approvers, digest, expiry, links, policy, rows
from shared.approvals.asked import UNKNOWN, asked_for
from shared.approvals.deciding import decide, how_of
from shared.approvals.model import Answer, Approval, ApprovalStatus, How
from shared.approvals.standing import Step, next_step
from shared.audit.entry import Entry
from shared.audit.port import Action, Subject
from shared.errors import Conflict, Forbidden, NotFound
from shared.recurrence import Frequency, Recurrence
from shared.schedules.model import Definition, LiveJob, Progress, Schedule
from shared.settings import ApprovalSettings
from shared.tasks import Impact, Params
from shared.tasks.preview import Preview

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
END = NOW + timedelta(minutes=10)
SHOWN = Preview(title="Mail to 3", recipients=("a***",), facts={"due": "now"})
CONTENT = "c" * 64
WAITING = Approval(
    id="a1",
    project_id=7,
    schedule_id="s1",
    schedule_name="Nightly",
    job_id="s1-20260301T120000Z",
    due_at=NOW,
    task="sends",
    impact=Impact.C,
    parameters="{}",
    preview=SHOWN,
    content=CONTENT,
    digest=digest.digest_of(CONTENT, END),
    requested_at=NOW,
    requested_by="ann",
    excluded=frozenset({"ann", "bob"}),
    expires_at=END,
)
NAMES = ("ann", "BOB ", "cid", "dan", "eve")


def person(name: str, role: Role = Role.OPERATOR, projects: frozenset[int] | None = None) -> Caller:
    return Caller(name=name, role=role, projects=projects, key_id=name)


steps = st.tuples(
    st.sampled_from(NAMES),
    st.sampled_from(list(Role)),
    st.sampled_from([None, frozenset({7}), frozenset({8})]),
    st.sampled_from(list(Answer)),
    st.sampled_from([None, WAITING.digest, "0" * 64]),
    st.integers(0, 900),
)


@given(st.lists(steps, max_size=12), st.integers(1, 2))
def test_whatever_is_answered_one_outcome_stays_and_all_rules_hold(
    answers: list[tuple[str, Role, frozenset[int] | None, Answer, str | None, int]], needed: int
) -> None:
    """The model: sets of names, an outcome, and the time."""
    approval, approved, outcome = replace(WAITING, needed=needed), set[str](), "pending"
    by = ""
    seconds = 0
    for name, role, projects, answer, shown, later in answers:
        seconds += later // 3
        now = NOW + timedelta(seconds=seconds)
        caller = person(name, role, projects)
        if projects == frozenset({8}):
            with pytest.raises(NotFound):
                decide(approval, caller, answer, shown=shown, now=now, how=How.KEY)
            continue
        made = decide(approval, caller, answer, shown=shown, now=now, how=How.KEY)
        before, approval = outcome, made.after
        if role is Role.VIEWER:
            assert isinstance(made.refusal, Forbidden)
            continue
        if outcome == "pending" and now >= END:
            before = outcome = "expired"
        repeated = (answer is Answer.APPROVE and name in approved and outcome in _OPEN) or (
            answer is Answer.REJECT and outcome == "rejected" and by == name
        )
        may = name not in ("ann", "BOB ") and shown != "0" * 64
        if outcome == "pending" and may and not repeated:
            if answer is Answer.REJECT:
                outcome, by = "rejected", name
                approved.discard(name)
            else:
                approved.add(name)
                outcome = "approved" if len(approved) == needed else "pending"
        counts = repeated or (before == "pending" and may)
        assert (made.refusal is None) == counts, (name, answer, outcome)
        if made.refusal is not None and before != "pending":
            assert isinstance(made.refusal, Conflict) and f"was {before}" in str(made.refusal)
        assert approval.status == outcome and set(approval.approvers) == approved
    assert approval.status is not ApprovalStatus.APPROVED or len(approval.approvers) == needed


_OPEN = ("pending", "approved")


def test_who_is_nobody_cannot_be_told_from_who_asked() -> None:
    """Where no key was ever made, all have one name."""
    mine = replace(WAITING, excluded=frozenset({LOCAL.name}))
    done = decide(mine, LOCAL, Answer.APPROVE, shown=None, now=NOW, how=how_of(LOCAL))
    assert done.refusal is None and done.after.votes[0].how is How.LOCAL
    named = replace(LOCAL, key_id="k")
    refused = decide(mine, named, Answer.APPROVE, shown=None, now=NOW, how=how_of(named))
    assert isinstance(refused.refusal, Forbidden)


def test_how_a_caller_proved_who_it_is() -> None:
    known = {None: How.SIGN_IN, "entra:5f": How.SIGN_IN, "k3y": How.KEY}
    for key_id, how in known.items():
        assert how_of(replace(LOCAL, name="ann@example.com", key_id=key_id)) is how


@pytest.mark.parametrize(
    ("changes", "late", "content", "step"),
    [
        (None, False, CONTENT, Step.ASK),
        ({}, False, CONTENT, Step.WAIT),
        ({}, False, "d", Step.ASK),
        ({}, True, "d", Step.EXPIRE),
        ({"status": "approved"}, False, CONTENT, Step.BEGIN),
        ({"status": "approved"}, False, "d", Step.ASK),
        ({"status": "approved"}, True, CONTENT, Step.SKIP),
        ({"status": "approved", "begun_at": NOW}, True, CONTENT, Step.GO),
        ({"status": "approved", "begun_at": NOW}, True, "d", Step.ASK),
        ({"status": "rejected"}, False, "d", Step.SKIP),
        ({"status": "expired"}, True, "d", Step.SKIP),
        ({"status": "superseded"}, False, CONTENT, Step.SKIP),
    ],
)
def test_what_a_job_does(
    changes: dict[str, Any] | None, late: bool, content: str, step: Step
) -> None:
    known = None
    if changes is not None:
        status = ApprovalStatus(changes.get("status", "pending"))
        known = replace(WAITING, **{**changes, "status": status})
    assert next_step(known, content, END if late else NOW) is step


def test_every_part_of_what_will_happen_is_in_the_digest() -> None:
    parts: dict[str, Any] = {
        "project_id": 7,
        "schedule_id": "s1",
        "job_id": "j1",
        "task": "sends",
        "impact": Impact.C,
        "parameters": {"a": 1, "b": [2]},
        "preview": SHOWN,
    }
    others: dict[str, Any] = {
        "project_id": None,
        "schedule_id": "s2",
        "job_id": "j2",
        "task": "posts",
        "impact": Impact.B,
        "parameters": {"a": 1, "b": [3]},
    }
    whole = digest.content_of(**parts)
    assert whole == digest.content_of(**parts | {"parameters": {"b": [2], "a": 1}})
    found = {digest.content_of(**parts | {name: value}) for name, value in others.items()}
    changes: list[dict[str, Any]] = [
        {"title": "x"},
        {"text": "x"},
        {"recipients": ()},
        {"recipient_count": 1},
        {"amount": "1 EUR"},
        {"target": "x"},
        {"digest": "x"},
        {"facts": {}},
    ]
    found |= {digest.content_of(**parts | {"preview": replace(SHOWN, **one)}) for one in changes}
    assert len(found | {whole}) == len(others) + len(changes) + 1
    assert digest.digest_of(whole, NOW) != digest.digest_of(whole, END)


def test_a_row_reads_back_as_it_was() -> None:
    votes = decide(WAITING, person("cid"), Answer.APPROVE, shown=None, now=NOW, how=How.KEY)
    whole = replace(votes.after, preview=replace(SHOWN, text="ü" * 60_000))
    row = {**rows.properties(whole), "RowKey": "approval:a1", "etag": "e"}
    assert all(len(str(value)) <= 30_000 for value in row.values())
    assert rows.to_approval(json.loads(json.dumps(row))) == whole


def schedule(seconds: int, upcoming: datetime | None, *due: datetime) -> Schedule:
    every = Recurrence(
        frequency=Frequency.INTERVAL, interval_seconds=seconds, start_time=NOW - timedelta(days=1)
    )
    live = tuple(LiveJob(id=f"s1-{at:%Y%m%dT%H%M%SZ}", due_at=at, available_at=at) for at in due)
    return Schedule(
        id="s1",
        definition=Definition(name="n", task_type="sends", recurrence=every),
        progress=Progress(next_run_at=upcoming, live=live),
        created_at=NOW,
        updated_at=NOW,
    )


def test_until_when_it_makes_sense() -> None:
    week, hour = timedelta(days=7), timedelta(hours=1)
    for seconds, margin in ((30, 5), (60, 6), (300, 30), (86_400, 60)):
        coming = NOW + timedelta(seconds=seconds)
        following = expiry.following(schedule(seconds, coming), NOW)
        until = expiry.expires_at(NOW, week, *following, None)
        assert until == coming - timedelta(seconds=margin), seconds
    ahead = expiry.following(schedule(60, NOW + timedelta(seconds=120), NOW + hour / 60), NOW)
    assert ahead[0] == NOW + hour / 60, "it was handed out before it is due"
    behind = expiry.following(schedule(60, NOW - hour), NOW)
    assert behind[0] == NOW + timedelta(seconds=60), "what is late does not count"
    assert expiry.following(schedule(60, None), NOW) == (None, timedelta())
    assert expiry.expires_at(NOW, week, None, timedelta(), None) == NOW + week
    assert expiry.expires_at(NOW, week, None, timedelta(), NOW + hour) == NOW + hour


def entry(by: str, action: Action, after: dict[str, Any] | None = None) -> Entry:
    caller = ENGINE if by == "engine" else Caller(name=by, role=Role.ADMIN, request_id="b1")
    return Entry.of(caller, action, Subject("schedule", "s1"), NOW, after=after)


def test_on_whose_behalf_a_job_runs() -> None:
    own, manual, filled = (
        "s1-20260301T120000Z",
        "s1-20260301T120000Z-k3",
        "s1-20260301T120000Z-b3f9k2",
    )
    entries = [
        entry("engine", Action.PAUSE),
        entry("pat", Action.EXECUTE, {"job_ids": ["s1-20260301T110000Z-zz"]}),
        entry("rob", Action.EXECUTE, {"job_ids": [manual]}),
        entry("sue", Action.BACKFILL, {"backfill_id": "b3f9k2"}),
        entry("ed", Action.CHANGE),
        entry("cy", Action.CREATE),
    ]
    found = {job: asked_for(job, entries) for job in (own, manual, filled)}
    assert found[own].by == "ed" and found[own].persons == {"ed"}
    assert found[manual].by == "rob" and found[manual].persons == {"rob", "ed"}
    assert found[filled].by == "sue" and found[filled].persons == {"sue", "ed"}
    by_batch = asked_for(manual, [entry("task:batch", Action.EXECUTE, {"job_ids": [manual]})])
    assert by_batch.via == {"b1"}
    assert asked_for(own, []).by == UNKNOWN


class Asks(Params):
    two_persons: bool = False


def test_how_many_persons_it_takes() -> None:
    none, sends = ApprovalSettings(), ApprovalSettings(two_persons=frozenset({"sends"}))
    everything = ApprovalSettings(two_persons=frozenset({"*"}))
    for settings, params, tags, step, wanted in (
        (none, Params(), {}, False, 1),
        (sends, Params(), {}, False, 2),
        (everything, Params(), {}, False, 2),
        (none, Asks(two_persons=True), {}, False, 2),
        (none, Params(), {policy.PERSONS: "2"}, True, 2),
        (none, Params(), {policy.PERSONS: "2"}, False, 1),
        (sends, Params(), {policy.PERSONS: "1"}, True, 2),
    ):
        assert policy.needed(settings, "sends", params, tags, step=step)[0] == wanted


def test_who_is_told() -> None:
    text = "7, 8: mail:ann@x.example, mail:cid@x.example; *: slack; none: mail:boss@x.example"
    assert approvers.places(text, 7) == [
        ("mail", "ann@x.example"),
        ("mail", "cid@x.example"),
        ("slack", ""),
    ]
    assert approvers.places(text, None) == [("slack", ""), ("mail", "boss@x.example")]
    mine = replace(WAITING, excluded=frozenset({"Ann@X.example"}))
    assert approvers.told(text, mine) == [("mail", "cid@x.example"), ("slack", "")]
    assert approvers.is_approver(text, 7, "CID@x.example")
    assert not approvers.is_approver(text, 9, "cid@x.example")
    known = ("mail", "slack", "sms")
    assert list(approvers.problems(text, ["slack"], known)) == []
    for wrong, said in (
        (": slack", "a rule without projects"),
        ("x: slack", "the project 'x'"),
        ("*: mail:nobody", "write an address"),
        ("*: pigeon", "the place 'pigeon'"),
        ("*: sms", "the place 'sms'"),
        ("*: slack", "not set up"),
    ):
        assert said in " ".join(approvers.problems(wrong, [], known)), wrong


@given(st.integers(0, 200), st.integers(1, 255))
def test_a_link_that_was_changed_opens_nothing(at: int, by: int) -> None:
    key = b"k" * 32
    text = links.token(key, links.link_for(WAITING, "cid@example.com"))
    assert links.read(key, text, NOW) == links.link_for(WAITING, "cid@example.com")
    place = at % len(text)
    changed = text[:place] + chr((ord(text[place]) + by) % 256) + text[place + 1 :]
    for other, secret, when in (
        (changed, key, NOW),
        (text, b"l" * 32, NOW),
        (text, key, END + links.SHOWN_FOR),
    ):
        if (other, secret, when) != (text, key, NOW) and not _same(other, text):
            with pytest.raises(NotFound):
                links.read(secret, other, when)
    form = links.form_token(key, text, WAITING.digest)
    assert links.is_form_token(key, text, WAITING.digest, form)
    assert not links.is_form_token(key, text, "0" * 64, form)
    assert not links.is_form_token(key, changed, WAITING.digest, form)


def _same(one: str, other: str) -> bool:
    """Whether two tokens are the same bytes: the last letter has bits that stand for none."""
    try:
        return [links._bytes(part) for part in one.split(".")] == [
            links._bytes(part) for part in other.split(".")
        ]
    except ValueError:
        return False
