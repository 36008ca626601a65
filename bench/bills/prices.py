"""List prices: US dollars, East US, pay as you go, without taxes, discounts and free credit.

Microsoft's pricing pages fill in their figures in the browser, and could not be read for this.
What is here comes from people who printed what Microsoft's price API answered
(https://prices.azure.com/api/retail/prices), each with its date; so compare it before you rely on
a sum. What Belfry prices itself has its figures from the settings' defaults.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from shared.settings import Prices, SmsSettings

_DEFAULTS, _SMS = Prices(), SmsSettings()
_MILLION = 1_000_000
_TEN_THOUSAND = 10_000
ZONES = 1.25
"""What zone-redundant storage costs, as a multiple of locally redundant: assumed for all tiers."""


class Known(StrEnum):
    """How a price is known."""

    PRINTED = "printed"
    """Somebody printed what Microsoft's price API, or its page, said."""
    ASSUMED = "assumed"
    """Nothing that was found says it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """What one unit costs, in dollars."""

    what: str
    unit: str
    dollars: float
    """For the unit."""
    per: float = 1
    """So many things are a unit."""
    free: float = 0
    """Things of a month that cost nothing."""
    known: Known = Known.PRINTED
    said: str
    """By whom, of what, and when."""

    def of(self, things: float) -> float:
        """What so many things cost in a month."""
        return max(0.0, things - self.free) / self.per * self.dollars


_FLEX = "several notes of the pricing page, US, May 2025 to 2026"
_BLOB = "price API, East US, September 2026"
_WEST = "price API, West US 2, April 2026"
_POSTGRES = "price API, East US, July 2026"
_ALERTS = "price API, East Asia, July 2026"

GB_SECOND = Price(
    what="Functions, on demand: memory while functions run",
    unit="GB-s",
    dollars=float(_DEFAULTS.gb_second) / _MILLION,
    free=100_000,
    said=_FLEX,
)
EXECUTION = Price(
    what="Functions, on demand: executions",
    unit="million",
    dollars=0.40,
    per=_MILLION,
    free=250_000,
    said=_FLEX,
)
READY = Price(
    what="Functions, always ready: memory, all the time",
    unit="GB-s",
    dollars=0.000004,
    said=_FLEX,
)
READY_GB_SECOND = Price(
    what="Functions, always ready: memory while functions run, in addition",
    unit="GB-s",
    dollars=0.000016,
    said=_FLEX,
)
READY_EXECUTION = Price(
    what="Functions, always ready: executions",
    unit="million",
    dollars=0.40,
    per=_MILLION,
    said=_FLEX,
)
TABLE = Price(
    what="requests to tables",
    unit="10,000",
    dollars=float(_DEFAULTS.table_requests) / _MILLION,
    per=_TEN_THOUSAND,
    said=_WEST,
)
TABLE_GB = Price(what="rows of tables", unit="GB", dollars=0.045, said=_WEST)
QUEUE = Price(
    what="requests to queues",
    unit="10,000",
    dollars=0.004,
    per=_TEN_THOUSAND,
    said="price API, 2026; the same in a bill, East US, May 2026",
)
BLOB_WRITE = Price(
    what="writes of blobs, hot",
    unit="10,000",
    dollars=float(_DEFAULTS.blob_requests) / _MILLION,
    per=_TEN_THOUSAND,
    said=_BLOB,
)
BLOB_READ = Price(
    what="reads and other requests to blobs, hot",
    unit="10,000",
    dollars=0.004,
    per=_TEN_THOUSAND,
    said=_BLOB,
)
HOT = Price(what="blobs, hot", unit="GB", dollars=0.0208, said=_BLOB)
COOL = Price(what="blobs, cool", unit="GB", dollars=0.0152, said=_BLOB)
COLD = Price(what="blobs, cold", unit="GB", dollars=0.0036, said=_BLOB)
BETWEEN_REGIONS = Price(
    what="data to another region of the continent",
    unit="GB",
    dollars=0.02,
    said="blog, February 2026",
)
OUT = Price(
    what="data out to the internet, by Microsoft's network, up to 10 TB",
    unit="GB",
    dollars=float(_DEFAULTS.transfer_gb) / _MILLION,
    free=100,
    said="price API, West Europe, July 2026; one meter for North America and Europe",
)
LOGS = Price(
    what="logs that are taken in",
    unit="GB",
    dollars=2.30,
    free=5,
    said=_WEST,
)
ALERT_5 = Price(what="rule on logs, every 5 minutes", unit="rule", dollars=1.50, said=_ALERTS)
ALERT_15 = Price(
    what="rule on logs, every 15 minutes or less often", unit="rule", dollars=0.50, said=_ALERTS
)
METRIC_ALERT = Price(what="rule on a metric", unit="series", dollars=0.10, said=_WEST)
PROBE = Price(
    what="test from outside",
    unit="execution",
    dollars=0.0005,
    said="price API, East US 2, July 2026",
)
VAULT = Price(what="reads of secrets", unit="10,000", dollars=0.03, per=_TEN_THOUSAND, said=_WEST)
B1MS = Price(what="PostgreSQL, B1ms", unit="hour", dollars=0.017, said=_POSTGRES)
D2DS = Price(what="PostgreSQL, D2ds v5", unit="hour", dollars=0.178, said=_POSTGRES)
POSTGRES_GB = Price(what="PostgreSQL, storage", unit="GB", dollars=0.115, said=_POSTGRES)
ENDPOINT = Price(
    what="private endpoint", unit="hour", dollars=0.01, said="price API, worldwide, 2026"
)
ENDPOINT_GB = Price(
    what="data through a private endpoint",
    unit="GB",
    dollars=0.01,
    said="price API, worldwide, 2026",
)
ZONE = Price(what="private DNS zone", unit="zone", dollars=0.50, said="blog, August 2025")
SMS = Price(
    what="text messages (Twilio, US, without the carriers' fees)",
    unit="segment",
    dollars=_SMS.segment_micros / _MILLION,
    known=Known.ASSUMED,
    said="the default of SMS_SEGMENT_PRICE",
)
MAIL = Price(
    what="mail (SendGrid)",
    unit="1,000",
    dollars=0.40,
    per=1000,
    said="notes of the pricing page: 19.95 dollars a month for 50,000",
)

ALL = tuple(value for value in list(globals().values()) if isinstance(value, Price))
