"""`python -m tests.integration.rehearsal`: how long a cold start takes in the deployed shape.

The first start compiles the modules that it imports, as no remote build did here; the others show
what an instance pays. Times are by a clock on the wall, on this machine, with a storage beside it.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local import azurite
from local.azurite import Identities
from tests import certificate
from tests.integration.rehearsal import deployed
from tests.integration.rehearsal.conftest import APP, BACKUP, HOST, settings_of
from tests.integration.rehearsal.site import Site
from tests.vendors.entra import STORAGE, Endpoint

_ROUNDS = 6
_PATHS = ("/status", "/api/v1/schedules")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="belfry-") as name, _site(Path(name)) as site:
        rounds = [_round(site) for _ in range(_ROUNDS)][1:]
        for what in rounds[0]:
            found = [one[what] for one in rounds]
            between = f"({min(found):.2f} to {max(found):.2f})"
            print(f"{what:<44} {statistics.median(found):.2f} s  {between}")


def _round(site: Site) -> dict[str, float]:
    took = {"process start to indexed": site.start()}
    for path in _PATHS:
        began = time.monotonic()
        site.ask("GET", path).raise_for_status()
        took[f"then the first answer of GET {path}"] = time.monotonic() - began
    site.stop()
    return took


@contextmanager
def _site(folder: Path) -> Iterator[Site]:
    began = time.monotonic()
    deployed.install(deployed.unpack(folder / "site"))
    print(f"{'unpacked and installed in':<44} {time.monotonic() - began:.2f} s")
    trusted = certificate.make(folder)
    identities = Identities(trusted.file, trusted.key, (HOST, BACKUP))
    with (
        azurite.start(folder / "storage", durable=False, identities=identities) as storage,
        Endpoint(APP, STORAGE).open() as endpoint,
    ):
        settings = settings_of(storage, folder) | endpoint.environ
        settings["REQUESTS_CA_BUNDLE"] = str(trusted.file)
        yield Site(folder / "site", settings, folder / "site.log")


if __name__ == "__main__":
    main()
