"""The tables of docs/cost.md: prices, counts, companies and their bills, and what stands out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from bench.bills import bill, prices
from bench.bills.backups import kept
from bench.bills.companies import COMPANIES, LARGE, MIDDLE, SMALL, Company
from bench.bills.measured import Counts

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cost.md"
_BEGIN, _END = "<!-- computed: {} -->", "<!-- end -->"


def parts(counts: Counts) -> dict[str, str]:
    """What is computed, by the names that the page's marks have."""
    return {
        "bills": "\n".join(bills(counts)),
        "out": "\n".join(standing_out(counts)),
        "companies": "\n".join(companies()),
        "counts": "\n".join(counted(counts)),
        "prices": "\n".join(listed()),
    }


def written(page: str, counts: Counts) -> str:
    """The page with what is computed between its marks. Raises `ValueError` for a missing mark."""
    for name, text in parts(counts).items():
        begin = _BEGIN.format(name)
        before, _, rest = page.partition(begin)
        end = rest.index(_END)  # a mark that is missing is a mistake of whoever edited the page
        page = f"{before}{begin}\n\n{text}\n\n{rest[end:]}"
    return page


def bills(counts: Counts) -> Iterator[str]:
    """Dollars a month, a column for each company."""
    yield from _head("dollars a month", *(one.name for one in COMPANIES))
    found = [_sums(bill.bill(one, counts)) for one in COMPANIES]
    for group in dict.fromkeys(name for one in found for name in one):
        yield _row(group, *(_money(one.get(group, 0)) for one in found))
    yield _row("**Azure**", *(f"**{_money(sum(one.values()))}**" for one in found))
    sent = [_sums(bill.messages(one))["messages"] for one in COMPANIES]
    yield _row("beside it: text messages and mail", *map(_money, sent))


def total(company: Company, counts: Counts) -> float:
    """Of Azure."""
    return sum(one.dollars for one in bill.bill(company, counts))


def standing_out(counts: Counts) -> Iterator[str]:
    """A sentence each, with what to change and what that saves."""
    small, large = _sums(bill.bill(SMALL, counts)), _sums(bill.bill(LARGE, counts))
    few = total(SMALL, counts)
    yield (
        f"- **Polling**: {counts.queues} queues, each asked once a second, cost the small company "
        f"{_money(small['polls'])} of {_money(few)} dollars, whether anything runs or not. A "
        "`maxPollingInterval` of five seconds would cost a fifth, and runs would start up to four "
        "seconds late: a message becomes visible only a second or two ahead of its time."
    )
    rules = small["alerts"]
    yield (
        f"- **Alert rules** cost every company the same, {_money(rules)} dollars: "
        f"{bill.RULES_5} of them look every five minutes. Every 15 minutes would cost "
        f"{_money(bill.RULES_5 * (prices.ALERT_5.dollars - prices.ALERT_15.dollars))} less; "
        "slower than that saves nothing more."
    )
    wakes = bill.PROBES * bill.DAYS
    yield (
        f"- **The test from outside** asks {bill.PROBES:,} times a day, for "
        f"{_money(prices.PROBE.of(wakes))} dollars a month, and each request that comes alone is "
        "billed as a second of an instance. Every 15 minutes from three places would be a fifth "
        "of it."
    )
    memory = replace(SMALL, memory_gb=0.5)
    yield (
        f"- **The instance's memory** multiplies all of compute: with 512 MB the small company "
        f"would pay {_money(_sums(bill.bill(memory, counts))['compute'])} dollars for it and not "
        f"{_money(small['compute'])}. Whether tasks and backups fit into it was not measured here."
    )
    yield from _ready(counts)
    volume = bill.log_bytes(LARGE, counts) / 1e9
    yield (
        f"- **Logs**: the large company writes {volume:.1f} GB a day, for {_money(large['logs'])} "
        "dollars a month, more than `logDailyCapGb` lets in by default. Most of it is what the "
        "platform adds to each row, so fewer lines count, not shorter ones: `Function` at "
        "`Warning` in host.json leaves out what the host says of each execution."
    )
    store = kept(LARGE.backup_gb)
    gone = store.deleted * prices.HOT.dollars * prices.ZONES
    yield (
        f"- **Soft delete** keeps {store.deleted:,.0f} GB of the large company's backups that its "
        f"plans had let go, for up to {_money(gone)} dollars a month in each region. "
        "`backupSoftDeleteDays: 7` is the least, and a quarter of it."
    )


def _ready(counts: Counts) -> Iterator[str]:
    gb = prices.GB_SECOND.dollars
    share = prices.READY.dollars / (gb - prices.READY_GB_SECOND.dollars)
    without = replace(LARGE, ready=())
    more = total(without, counts) - total(LARGE, counts)
    idle = prices.READY.of(bill.DAY * bill.DAYS * SMALL.memory_gb)
    yield (
        f"- **Always-ready instances** cost {_money(idle)} dollars a month each, even if nothing "
        f"runs, and then less for each second of work: from {share:.0%} of the time on, they are "
        "the cheaper way. The large company has two and saves "
        f"{_money(more)} dollars by them; for the middle one, whose `job_worker` runs "
        f"{_share(MIDDLE, counts):.0%} of the time, one more "
        f"would {'pay' if _share(MIDDLE, counts) >= share else 'not pay'}."
    )


def _share(company: Company, counts: Counts) -> float:
    there = bill.functions(company, counts)
    return sum(one.busy for one in there if one.name.startswith("job_worker")) / bill.DAY


def companies() -> Iterator[str]:
    """What each is."""
    yield from _head("", *(one.name for one in COMPANIES))
    said: dict[str, Callable[[Company], str]] = {
        "schedules": lambda one: f"{one.schedules:,}",
        "runs a day": lambda one: f"{one.runs:,}",
        "of these in the same second as others": lambda one: f"{one.together:.0%}",
        "seconds and log lines of a task": lambda one: (
            f"{one.run_seconds:.0f}, {one.run_lines:.0f}"
        ),
        "requests to the API a day": lambda one: f"{one.requests:,}",
        "one backup of all databases, compressed": lambda one: f"{one.backup_gb:g} GB",
        "backups stored, in each region": lambda one: f"{_stored(one):,.0f} GB",
        "text messages a month": lambda one: f"{one.sms:,}",
        "mails a month": lambda one: f"{one.mails:,}",
        "instances that are always ready": lambda one: ", ".join(one.ready) or "none",
        "PostgreSQL": lambda one: f"{one.postgres}, {one.postgres_gb} GB" if one.postgres else "no",
        "second region": lambda one: "yes" if one.offsite else "no",
        "private endpoints": lambda one: "yes" if one.private else "no",
    }
    for what, value in said.items():
        yield _row(what, *map(value, COMPANIES))


def _stored(company: Company) -> float:
    store = kept(company.backup_gb)
    return store.hot + store.cool + store.cold


def counted(counts: Counts) -> Iterator[str]:
    """What was measured."""
    yield from _head(
        "", "tables", "queues", "blobs read", "blobs written", "log lines", "bytes of these", "s"
    )
    for what, one in (
        ("a tick that finds nothing", counts.tick),
        ("a run, alone", counts.alone),
        ("a run, of fifty at once", counts.together),
        ("a request that lists schedules", counts.request),
        (f"Belfry's own {counts.own_runs:,} runs of a day", counts.own),
    ):
        numbers = (one.table, one.queue, one.blob_reads, one.blob_writes, one.lines, one.bytes)
        yield _row(what, *map(_number, numbers), _number(one.seconds))
    yield ""
    yield (
        f"The timers of {counts.timers - 1} tasks wake {counts.wake_ups:,} times a day; Belfry's "
        f"own runs are due in {counts.own_moments:,} different minutes; {counts.queues} queues are "
        "waited for."
    )


def listed() -> Iterator[str]:
    """Each price, and how it is known."""
    yield from _head("what", "dollars", "for", "free a month", "known", "by")
    for one in prices.ALL:
        free = f"{one.free:,.0f}" if one.free else ""
        yield _row(one.what, f"{one.dollars:.9f}".rstrip("0"), one.unit, free, one.known, one.said)


def _sums(lines: Iterable[bill.Line]) -> dict[str, float]:
    found: dict[str, float] = {}
    for one in lines:
        found[one.group] = found.get(one.group, 0.0) + one.dollars
    return found


def _head(*cells: str) -> Iterator[str]:
    yield _row(*cells)
    yield _row(*("---" for _ in cells))


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def _money(dollars: float) -> str:
    return f"{dollars:,.2f}" if 0 < dollars < 10 else f"{dollars:,.0f}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == 0 else f"{value:.2f}".rstrip("0").rstrip(".")


def shown(counts: Counts) -> Sequence[str]:
    """Everything, for a terminal."""
    return [text for name, text in parts(counts).items() if name != "prices"]
