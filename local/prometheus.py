"""Prometheus and promtool, by which tests try the rules and the dashboard: those on the PATH, or
else Debian's package, unpacked below `.venv` and installed nowhere.

The package is signed, as all of apt's are. What it depends on serves its web pages, which nobody
looks at here.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from shared.errors import Misconfigured

_FOLDER = Path(__file__).parents[1] / ".venv" / "prometheus"
_LISTS = "apt"
_WHAT_TO_DO = (
    "install Prometheus, so that `prometheus` and `promtool` are on the PATH: apt install "
    "prometheus, brew install prometheus, or https://prometheus.io/download"
)


@dataclass(frozen=True, slots=True)
class Programs:
    """Where the programs are."""

    prometheus: str
    promtool: str


def programs(folder: Path = _FOLDER) -> Programs:
    """Those of this machine. Raises `Misconfigured`, with what to do, if there are none."""
    on_path = shutil.which("prometheus"), shutil.which("promtool")
    if on_path[0] and on_path[1]:
        return Programs(on_path[0], on_path[1])
    if not folder.exists():
        _unpack(folder)
    return Programs(str(folder / "usr/bin/prometheus"), str(folder / "usr/bin/promtool"))


def _unpack(folder: Path) -> None:
    """Unpack Debian's package there. Of two that do it at once, the second finds it done."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise Misconfigured(f"there is no Prometheus, and no apt-get to get it with; {_WHAT_TO_DO}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="prometheus-") as scratch:
        where = Path(scratch)
        complaint = _apt("update", "-qq", where=where)
        if said := _apt("download", "prometheus", where=where):
            said = f"{complaint}; {said}" if complaint else said
            raise Misconfigured(f"there is no Prometheus, and apt has none ({said}); {_WHAT_TO_DO}")
        (package,) = where.glob("*.deb")
        subprocess.run(["dpkg-deb", "-x", str(package), scratch], check=True)
        package.unlink()
        shutil.rmtree(where / _LISTS)
        try:
            where.rename(folder)
        except OSError:
            if not folder.exists():
                raise
        else:
            where.mkdir()  # for whoever tidies up


def _apt(*command: str, where: Path) -> str:
    """What apt complained of; empty if it did it. Its lists of packages are below `where`: those of
    the machine may be old or missing, and only root may write them."""
    own = where / _LISTS
    for folder in ("lists/partial", "archives/partial"):
        (own / folder).mkdir(parents=True, exist_ok=True)
    options = {
        "Dir::State": own,
        "Dir::State::status": "/var/lib/dpkg/status",
        "Dir::Cache": own,
        "APT::Sandbox::User": "root",  # its own user may not write there
    }
    given = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    done = subprocess.run(
        ["apt-get", *command, *given], cwd=where, capture_output=True, text=True, check=False
    )
    said = done.stderr.strip().splitlines()
    return "" if done.returncode == 0 else (said[-1] if said else f"exit code {done.returncode}")
