"""A process that collects or pauses, to be killed: `python -m ... URL STRIPE_URL ACT COMMIT`.

COMMIT: it kills itself right before its commit of that number; 0: never. It ends by itself after a
minute, so that no test waits for ever.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
from datetime import date
from itertools import count

from sqlalchemy import Engine, event

from shared.billing.service import Billing
from shared.billing.vendor.account import StripeAccount
from shared.clock import SystemClock
from shared.settings import BillingSettings, DataSettings, Secret, StripeSettings
from tests.context import job_of
from tests.vendors.stripe import API_KEY

_LONGEST = 60
"""Seconds."""


def main(url: str, stripe_url: str, act: str, commit: int) -> None:
    faulthandler.dump_traceback_later(_LONGEST, exit=True)
    commits = count(1)

    @event.listens_for(Engine, "commit")
    def committing(_: object) -> None:
        if next(commits) == commit:
            os.kill(os.getpid(), signal.SIGKILL)

    stripe = StripeSettings(api_key=Secret(API_KEY), url=stripe_url)
    data = DataSettings(url=Secret(url), names=None)
    settings = BillingSettings(data=data, stripe=stripe, prefix="belfry")
    billing = Billing(settings, SystemClock(), stripe=StripeAccount(stripe, retries=0))
    if act == "collect":
        billing.collect(job_of(), 1)
    else:
        billing.pause(job_of(), date(2026, 11, 29), 6000, 5000)


if __name__ == "__main__":
    _, database, server, what, number = sys.argv
    main(database, server, what, int(number))
