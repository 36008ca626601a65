"""What the reckoning of the costs takes for granted is so, and the page says what it computes."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bench.belfry.counted import Counted
from bench.bills import bill, measured, page, prices
from bench.bills.backups import kept
from bench.bills.bill import DAY, Function
from bench.bills.companies import COMPANIES, LARGE, SMALL
from shared.settings import Prices
from shared.storage.queues.jobs import AHEAD
from tests.unit.test_architecture import fresh

GIVEN = measured.given()


def test_the_page_says_what_is_computed() -> None:
    text = page.PAGE.read_text()
    assert page.written(text, GIVEN) == text, "run: python -m bench.cost --given --write"


def test_every_queue_is_polled_and_every_timer_counted() -> None:
    code = (
        "import function_app as f; "
        "print(*[b.type for x in f.app.get_functions() for b in x.get_bindings()])"
    )
    kinds = fresh(code)
    there = {"queues": kinds.count("queueTrigger"), "timers": kinds.count("timerTrigger")}
    counted = {"queues": GIVEN.queues, "timers": GIVEN.timers}
    assert there == counted, "count anew: python -m bench.cost --write"
    host = json.loads(Path("host.json").read_text())["extensions"]["queues"]
    assert host["maxPollingInterval"] == "00:00:01" and bill.POLLS == 1
    assert AHEAD < timedelta(seconds=bill.AHEAD) < 2 * AHEAD


def test_every_alert_rule_and_every_probe_is_counted() -> None:
    text = Path("infra/modules/alerts.bicep").read_text()
    times = re.findall(r"^    time: (\w+)", text, re.MULTILINE)
    assert (times.count("soon"), len(times)) == (bill.RULES_5, bill.RULES_5 + bill.RULES_15)
    assert text.count("'Microsoft.Insights/metricAlerts@") == bill.RULES_METRIC
    places = re.findall(r"^  '[a-z0-9-]+-(?:azr|edge)'$", text, re.MULTILINE)
    assert "Frequency: 300" in text and len(places) * 24 * 12 == bill.PROBES


def test_each_kind_of_request_is_counted_apart() -> None:
    counted = Counted("http://h:0/a")
    for url in ("http://h:1/a/belfry-jobs?comp=metadata", "http://h:1/a/belfry-jobs/messages"):
        counted.note("GET", url, b"", 0)
    counted.note("GET", "http://h:2/a/belfryschedules()?$top=1", b"", 0)
    for method in ("GET", "HEAD", "PUT"):
        counted.note(method, "http://h:0/a/backups/one", b"", 0)
    counts = counted.take()
    assert (counts.queue_requests, counts.table_requests) == (2, 1)
    assert (counts.blob_reads, counts.blob_writes) == (2, 1)


def test_an_instance_is_billed_once_however_much_runs_in_it() -> None:
    def busy(executions: float, seconds: float) -> float:
        one = Function(name="f", executions=executions, seconds=seconds, moments=executions)
        return one.busy

    assert busy(1440, 0.03) == pytest.approx(1440, rel=0.01), "a second is the least"
    assert busy(100, 5) == pytest.approx(500, rel=0.01), "they hardly meet"
    assert 0.6 * DAY < busy(DAY, 1) < 0.7 * DAY, "one a second on average"
    assert busy(10 * DAY, 3) == pytest.approx(DAY), "always one, never two"
    assert busy(64 * DAY, 3) == pytest.approx(3 * DAY), "64 at once is what one holds"


def test_a_free_amount_is_taken_off_once() -> None:
    assert prices.LOGS.of(4) == 0 and prices.LOGS.of(6) == pytest.approx(2.30)
    assert prices.EXECUTION.of(1_250_000) == pytest.approx(0.40)


def test_backups_pile_up_to_what_is_kept_and_what_can_be_brought_back() -> None:
    store = kept(1)
    assert store.hot + store.cool + store.cold == 60 + 34
    assert store.deleted == pytest.approx(34.3, abs=0.1)
    assert store.hot > 60 and store.cool > 8 and store.cold > 10
    assert kept(2).hot == 2 * store.hot and store.new == pytest.approx(34.8, abs=0.1)


def test_what_is_switched_on_is_paid_for() -> None:
    def of(company: str, **changes: object) -> float:
        one = next(one for one in COMPANIES if one.name == company)
        return page.total(replace(one, **changes), GIVEN)  # type: ignore[arg-type]

    for more in ({"offsite": True}, {"private": True}, {"ready": ("http",)}, {"runs": 5_000}):
        assert of("small", **more) > of("small") + 0.5, more
    assert of("small", postgres="B1ms", postgres_gb=32) == pytest.approx(
        of("small") + 730 * 0.017 + 32 * 0.115
    )
    assert of("large", ready=()) > of("large"), "an instance that is busy anyhow is cheaper ready"


def test_no_line_is_negative_and_all_are_of_a_price_that_is_listed() -> None:
    for company in COMPANIES:
        for line in [*bill.bill(company, GIVEN), *bill.messages(company)]:
            assert line.dollars >= 0 and line.things >= 0 and line.price in prices.ALL
    small, large = (page.total(one, GIVEN) for one in (SMALL, LARGE))
    assert small < 100 < 1_000 < large


def test_what_belfry_prices_itself_has_one_price() -> None:
    default = Prices()
    assert prices.GB_SECOND.dollars == float(default.gb_second) / 1e6
    assert prices.TABLE.dollars == float(default.table_requests) / 1e6
    assert prices.BLOB_WRITE.dollars == float(default.blob_requests) / 1e6


def test_counts_are_kept_as_they_are(tmp_path: Path) -> None:
    GIVEN.save(tmp_path / "counts.json")
    assert measured.given(tmp_path / "counts.json") == GIVEN
