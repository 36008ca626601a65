"""The app as a deployment leaves it: the package, unpacked, and the packages that it names."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from local import package
from local.host.apart import PACKAGES

REPO = Path(__file__).parents[3]


def unpack(folder: Path) -> Path:
    """Make the package and unpack it into an empty folder."""
    out = folder.with_suffix(".zip")
    package.pack(REPO, out)
    with zipfile.ZipFile(out) as found:
        found.extractall(folder)
    return folder


def install(folder: Path) -> None:
    """Install the packages of requirements.txt, as a remote build does, for this Python."""
    target = ["--target", str(folder / PACKAGES), "--require-hashes", "--no-deps"]
    target += ["-r", str(folder / "requirements.txt")]
    uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--system-certs"]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # Without the network, where uv has all of them; then with it; then where only pip knows how.
    ways = ([*uv, "--offline"], uv, pip)
    said = []
    for way in ways:
        done = subprocess.run([*way, *target], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
        said.append(done.stderr)
    raise AssertionError("\n".join(said))


def platform_wheels(folder: Path, python: str, platform: str) -> str:
    """What is said of packages without a wheel for that Python and platform; empty if none."""
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--system-certs"]
    command += ["--dry-run", "--target", str(folder), "--only-binary", ":all:", "--no-deps"]
    command += ["--python-version", python, "--python-platform", platform, "--require-hashes"]
    command += ["-r", str(REPO / "requirements.txt")]
    for offline in (["--offline"], []):
        done = subprocess.run([*command, *offline], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return ""
    return done.stderr
