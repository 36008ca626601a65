"""What is refused when a definition is saved, with the field it is about."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from shared.access import Caller, Role
from shared.errors import Invalid
from shared.tasks import (
    Impact,
    JobContext,
    Params,
    Proposed,
    Registry,
    Result,
    Services,
    Task,
    task,
)
from shared.workflows.model import Definition
from shared.workflows.reading import read
from shared.workflows.validation import Checks, Problem, graph
from shared.workflows.validation.calling import Where


class Mail(Params):
    to: Annotated[str, Field(pattern="@")]
    text: str = ""
    copies: int = 1
    extra: dict[str, int] = Field(default_factory=dict)


class Known(Params):
    target: str


class Wait(Params):
    seconds: int = 0
    until: str = ""


class Event(Params):
    name: str
    timeout_seconds: int


class Approval(Params):
    title: str
    text: str = ""
    facts: dict[str, str] = Field(default_factory=dict)


class Workflow(Params):
    workflow_id: str
    input: dict[str, Any] = Field(default_factory=dict)


def exists(params: Known, proposed: Proposed) -> None:
    if params.target != f"t{proposed.project_id}":
        raise Invalid("target", "there is no such target")


def tasks() -> list[Task]:
    def made(name: str, params: type[Params], **how: Any) -> Task:
        def run(job: JobContext, given: Params) -> Result:
            """Does it."""
            return {}

        run.__annotations__["given"] = params
        return task(name, **{"for_projects": True, **how})(run)

    return [
        made("mail_send", Mail),
        made("campaign_send", Mail, impact=Impact.C),
        made("probe", Known, check=exists),
        made("company_sums", Params, for_projects=False),
        made("restore", Params, role=Role.ADMIN),
        made("charge", Params, on_request=True),
        made("workflow_wait", Wait),
        made("workflow_event", Event),
        made("approval", Approval),
        made("workflow", Workflow),
    ]


CHECKS = Checks(Registry(tasks()), Services({}))
OPERATOR = Caller(name="ada", role=Role.OPERATOR)
MAIL = {"to": "a@example.com"}


def definition(*steps: dict[str, Any], **more: Any) -> Definition:
    return read({"name": "x", "steps": list(steps), **more}).definition


def found(
    *steps: dict[str, Any],
    known: Mapping[str, Definition] | None = None,
    project_id: int | None = 1,
    **more: Any,
) -> list[Problem]:
    wanted = definition(*steps, **more)
    where = Where(project_id, OPERATOR)
    return CHECKS.problems("me", wanted, where, dict(known or {}).get)


def mail(step_id: str = "a", to: str = "a@example.com", **how: Any) -> dict[str, Any]:
    given = {"to": to, **how.pop("given", {})}
    return {"id": step_id, "task": "mail_send", "with": given, **how}


CHILD = definition(
    mail(), inputs={"n": {"type": "integer", "required": True}, "s": {"default": "x"}}
)
ASKING = definition({"id": "a", "approval": {"title": "?"}})


def test_a_right_definition_has_no_problem() -> None:
    assert not found(
        mail("first", "${{ trigger.email }}", given={"copies": "${{ trigger.copies + 1 }}"}),
        {"id": "pause", "needs": ["first"], "wait": {"seconds": "${{ trigger.copies }}"}},
        {"id": "signed", "wait": {"event": "signed"}},
        {
            "id": "ask",
            "needs": ["pause", "signed"],
            "when": "steps.first.status == 'succeeded' && has(steps.signed.result.by)",
            "approval": {"title": "${{ run.id }}", "facts": {"a": "${{ steps.pause.error }}"}},
        },
        mail(
            "each",
            "${{ item.to }}",
            foreach="steps.signed.result.people.map(x, {'to': x})",
            needs=["ask"],
            given={"text": "${{ index }} of ${{ trigger }}"},
            compensate={"task": "mail_send", "with": {"to": "${{ steps.each.result.to }}@"}},
        ),
        {"id": "sub", "workflow": "child", "with": {"n": "${{ run.project_id }}"}},
        {"id": "probe", "task": "probe", "with": {"target": "t1"}},
        known={"child": CHILD},
        inputs={"email": {"required": True}, "copies": {"type": "integer", "default": 1}},
    )


@pytest.mark.parametrize(
    ("steps", "field", "said"),
    [
        ([mail(), mail()], "steps[1].id", "steps[0] is called a as well"),
        ([mail("first"), mail("b", needs=["firts"])], "steps[1].needs[0]", "did you mean first?"),
        ([mail(needs=["a"])], "steps[0].needs", "in a circle: a -> a"),
        (
            [
                mail("z"),
                mail("a", needs=["z", "c"]),
                mail("b", needs=["a"]),
                mail("c", needs=["b"]),
            ],
            "steps[1].needs",
            "in a circle: a -> c -> b -> a",
        ),
        ([{"id": "a", "task": "mail_sent"}], "steps[0].task", "did you mean mail_send?"),
        ([mail(given={"texd": "x"})], "steps[0].with.texd", "no such parameter; there are: to"),
        ([mail(given={"copies": "x"})], "steps[0].with.copies", "give a whole number"),
        ([mail(given={"extra": {"a": "b"}})], "steps[0].with.extra.a", "give a whole number"),
        ([{"id": "a", "task": "mail_send"}], "steps[0].with.to", "it is missing"),
        ([mail("a", "nowhere")], "steps[0].with.to", "it does not match the pattern"),
        (
            [mail("a", "${{ run.id }}", given={"copies": "x"})],
            "steps[0].with.copies",
            "give a whole number",
        ),
        ([mail("a", "${{ run.id }}", given={"y": 1})], "steps[0].with.y", "no such parameter"),
        (
            [{"id": "a", "task": "mail_send", "with": {"text": "${{ run.id }}"}}],
            "steps[0].with.to",
            "it is missing",
        ),
        (
            [{"id": "a", "task": "probe", "with": {"target": "t2"}}],
            "steps[0].with.target",
            "no such",
        ),
        ([{"id": "a", "task": "company_sums"}], "steps[0].task", "works for all projects"),
        ([{"id": "a", "task": "restore"}], "steps[0].task", "needs the role admin"),
        ([{"id": "a", "task": "charge"}], "steps[0].task", "a person asks for charge each time"),
        ([mail("a", "${{ 1 + }}")], "steps[0].with.to", "column 9: it ends too early"),
        ([mail("a", "${{ user.mail }}")], "steps[0].with.to", "there is no user; there are run, s"),
        ([mail("a", "${{ trigger.mail }}")], "steps[0].with.to", "no input mail; there is none"),
        ([mail("a", "${{ run.name }}")], "steps[0].with.to", "there is no run.name"),
        ([mail("a", "${{ item }}")], "steps[0].with.to", "a step with foreach only"),
        ([mail(when="item == 1", foreach="[1]")], "steps[0].when", "a step with foreach only"),
        ([mail(foreach="[1")], "steps[0].foreach", "column 3: the end cannot stand here"),
        ([mail(when="steps.b.status == ''")], "steps[0].when", "there is no step b"),
        ([mail(), mail("b", when="steps.a.error == ''")], "steps[1].when", "name it in needs"),
        (
            [mail(), mail("b", needs=["a"], when="steps.a.output == ''")],
            "steps[1].when",
            "what its task returned is steps.a.result",
        ),
        (
            [mail(), mail("b", needs=["a"], when="steps[run.id].x")],
            "steps[1].when",
            "name the step",
        ),
        ([mail(impact="C", foreach="[1]")], "steps[0].foreach", "asked for each item"),
        (
            [{"id": "a", "foreach": "[1]", "approval": {"title": "?"}}],
            "steps[0].foreach",
            "asked for each item",
        ),
        (
            [{"id": "a", "task": "campaign_send", "with": MAIL, "foreach": "[1]"}],
            "steps[0].foreach",
            "asked for each item",
        ),
        (
            [{"id": "a", "task": "campaign_send", "with": MAIL, "impact": "B"}],
            "steps[0].impact",
            "campaign_send is of class C; a step may raise that",
        ),
        ([mail(compensate={"task": "mail_sendd"})], "steps[0].compensate.task", "did you mean"),
        ([mail(compensate={"task": "mail_send"})], "steps[0].compensate.with.to", "is missing"),
        (
            [mail("b"), mail(compensate={"task": "mail_send", "with": {"to": "${{ steps.b.x }}"}})],
            "steps[1].compensate.with.to",
            "b may not have ended by then",
        ),
        ([{"id": "a", "wait": {"event": "e"}, "when": "x y"}], "steps[0].when", "column 3"),
        ([{"id": "a", "workflow": "none"}], "steps[0].workflow", "there is no workflow 'none'"),
        ([{"id": "a", "workflow": "me"}], "steps[0].workflow", "run itself: me -> me"),
        ([{"id": "a", "workflow": "back"}], "steps[0].workflow", "run itself: me -> back -> me"),
        (
            [{"id": "a", "workflow": "deep0"}],
            "steps[0].workflow",
            "at most 5 workflows run below another: me -> deep0 -> deep1",
        ),
        ([{"id": "a", "workflow": "child"}], "steps[0].with.n", "is missing"),
        ([{"id": "a", "workflow": "child", "with": {"n": "x"}}], "steps[0].with.n", "integer"),
        (
            [{"id": "a", "workflow": "child", "with": {"n": 1, "m": "${{ run.id }}"}}],
            "steps[0].with.m",
            "the workflow has no such input; it has: n, s",
        ),
        (
            [{"id": "a", "workflow": "over", "foreach": "[1]"}],
            "steps[0].foreach",
            "over asks a person, once for each item",
        ),
    ],
)
def test_what_is_wrong_is_refused_by_its_field(
    steps: list[dict[str, Any]], field: str, said: str
) -> None:
    known = {
        "child": CHILD,
        "asking": ASKING,
        "over": definition({"id": "a", "workflow": "asking"}),
        "back": definition({"id": "a", "workflow": "me"}),
        **{
            f"deep{number}": definition({"id": "a", "workflow": f"deep{number + 1}"})
            for number in range(5)
        },
        "deep5": definition(mail()),
    }
    problems = found(*steps, known=known)
    assert [one.field for one in problems] == [field]
    assert said in problems[0].message
    where = Where(1, OPERATOR)
    with pytest.raises(Invalid) as refused:
        CHECKS.hold("me", definition(*steps), where, known.get)
    assert refused.value.field == field


def test_all_problems_are_said_at_once_and_saving_names_the_first() -> None:
    steps = [mail("a", "nowhere", when="x y"), {"id": "b", "task": "none"}]
    assert len(found(*steps)) == 3
    with pytest.raises(Invalid, match="2 more; POST /api/v1/workflows/check says all"):
        CHECKS.hold("me", definition(*steps), Where(1), lambda _: None)


def test_a_workflow_of_the_company_may_call_any_task() -> None:
    assert not found({"id": "a", "task": "company_sums"}, project_id=None)


@given(st.lists(st.lists(st.integers(0, 11), max_size=3, unique=True), min_size=1, max_size=12))
def test_a_graph_has_an_order_or_its_circle_is_said(needs: list[list[int]]) -> None:
    names = [f"s{number}" for number in range(len(needs))]
    steps = [
        mail(name, needs=[names[one] for one in some if one < len(needs)])
        for name, some in zip(names, needs, strict=True)
    ]
    wanted = definition(*steps)
    edges = {(step.id, need) for step in wanted.steps for need in step.needs}
    problems = list(graph.problems(wanted))
    if not problems:
        above = graph.above(wanted)
        assert all(need in above[step] and above[need] < above[step] for step, need in edges)
        return
    circle = problems[0].message.rpartition(": ")[2].split(" -> ")
    assert circle[0] == circle[-1]
    assert {*pairwise(circle)} <= edges
