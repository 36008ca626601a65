"""Spans: parts of what caused them, across threads; off, there are none; none holds a secret."""

from __future__ import annotations

import subprocess
import sys

import pytest
from opentelemetry.trace import StatusCode

from shared import tracing
from shared.errors import Refused
from shared.threads import Pool
from tests.spans import CALLER, TRACE, id_of, recorded, trace_of


def test_off_it_does_nothing_and_imports_nothing() -> None:
    code = (
        "import sys\n"
        "from shared import tracing\n"
        "from shared.settings import TracingSettings\n"
        "from shared.tracing.setup import turn_on\n"
        "finish = turn_on(TracingSettings())\n"
        "with tracing.span('a') as one, tracing.call('POST', 'https://h/p') as call:\n"
        "    one.set({'b': 1}); one.rename('c'); one.fail('d'); call.answered(500)\n"
        "    assert tracing.carried() is None and one.traceparent is None\n"
        f"with tracing.continued({CALLER!r}): assert tracing.carried() is None\n"
        "finish()\n"
        "print(*[name for name in sys.modules if name.startswith('opentelemetry')])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


def test_a_span_is_a_part_of_the_one_around_it() -> None:
    with (
        recorded() as spans,
        tracing.span("a"),
        tracing.span("b", tracing.Kind.CLIENT, c=1, d=None),
    ):
        pass
    a, b = spans.one("a"), spans.one("b")
    assert a.parent is None
    assert b.parent is not None and b.parent.span_id == id_of(a)
    assert trace_of(a) == trace_of(b)
    assert dict(b.attributes or {}) == {"c": 1}


def test_a_trace_goes_on_from_what_was_carried() -> None:
    with recorded() as spans:
        with tracing.continued(CALLER), tracing.span("a"):
            sent = tracing.carried()
        with tracing.continued(sent), tracing.span("elsewhere"):
            pass
        with tracing.continued("nonsense"), tracing.span("new"):
            pass
    a, elsewhere, new = spans.all()
    assert sent == f"00-{TRACE}-{id_of(a):016x}-01"
    assert trace_of(a) == trace_of(elsewhere) == TRACE != trace_of(new)
    assert elsewhere.parent is not None and elsewhere.parent.span_id == id_of(a)


def test_it_goes_into_the_threads_of_a_pool() -> None:
    def work(name: str) -> None:
        with tracing.span(name):
            pass

    with recorded() as spans, Pool(3, "test") as pool, tracing.span("whole") as whole:
        pool.map(work, [str(number) for number in range(9)])
        there = whole.traceparent
    assert {trace_of(one) for one in spans.all()} == {tracing.trace_id(there)}


def test_it_fails_with_what_the_block_raises() -> None:
    with recorded() as spans:
        with pytest.raises(Refused), tracing.span("ours"):
            raise Refused("postgres", "postgresql://u:hush@h/d is wrong")
        with pytest.raises(OSError), tracing.span("a library's"):
            raise OSError("/bot12345:hush")
        after = tracing.carried()
    ours, library = spans.all()
    assert ours.status.status_code is library.status.status_code is StatusCode.ERROR
    said = dict(ours.attributes or {})
    assert said["error.type"] == "Refused" and "postgres" in str(said["error"])
    assert dict(library.attributes or {}) == {"error.type": "OSError", "error": "OSError"}
    assert "hush" not in f"{ours.to_json()}{library.to_json()}"
    assert after is None


@pytest.mark.parametrize(
    ("url", "name", "port"),
    [
        ("https://api.telegram.org/bot12345:hush/sendMessage", "POST api.telegram.org", 443),
        ("https://u:hush@h.example:8443/hush?sig=hush#hush", "POST h.example", 8443),
        ("http://127.0.0.1:9/hush", "POST 127.0.0.1", 9),
        ("https://[::1/hush", "POST ", None),
        ("hush", "POST ", None),
        ("https://h:port/hush", "POST ", None),
    ],
)
def test_of_a_url_only_the_host_is_kept(url: str, name: str, port: int | None) -> None:
    with recorded() as spans:
        with tracing.call("POST", url) as call:
            call.answered(200)
        with pytest.raises(OSError), tracing.call("POST", url):
            raise OSError(f"no answer from {url}")
    for one in spans.all():
        assert one.name == name
        assert (one.attributes or {}).get("server.port") == port
        assert "hush" not in one.to_json()


def test_a_call_fails_by_its_status_even_if_the_library_raises_then() -> None:
    with recorded() as spans, pytest.raises(OSError), tracing.call("GET", "https://h/") as call:
        call.answered(429)
        raise OSError
    (one,) = spans.all()
    said = dict(one.attributes or {})
    assert (said["http.response.status_code"], said["error.type"]) == (429, "HTTP 429")


def test_a_part_of_all_traces_is_kept_whatever_a_caller_asks_for() -> None:
    with recorded(ratio=0.5) as spans:
        for number in range(200):
            trace = f"{number * 7919 << 50:032x}".replace("0" * 32, TRACE)
            for flag in ("00", "01"):
                with (
                    tracing.continued(f"00-{trace}-00f067aa0ba902b7-{flag}"),
                    tracing.span("a") as one,
                    tracing.span("b"),
                ):
                    kept = tracing.trace_id(one.traceparent)
                    assert kept in (None, trace)
    by_trace = {
        trace: [trace_of(one) for one in spans.all()].count(trace)
        for trace in {trace_of(one) for one in spans.all()}
    }
    assert set(by_trace.values()) == {4}, "all spans of a trace, or none"
    assert 60 < len(by_trace) < 140
    assert {(one.attributes or {})["_MS.sampleRate"] for one in spans.all()} == {50.0}


def test_none_is_kept_if_none_is_wanted() -> None:
    with recorded(ratio=0) as spans, tracing.span("a") as one:
        assert tracing.carried() == one.traceparent
        assert tracing.trace_id(one.traceparent) is None
    assert spans.all() == ()
