"""Parquet's library is an extra: pinned as for tests, and no requirement of the app."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def lines(name: str) -> list[str]:
    return (ROOT / name).read_text().splitlines()


def test_the_extra_is_what_is_tested_and_no_requirement() -> None:
    wanted = [one.strip(" \\") for one in lines("requirements-parquet.txt") if one[:1] != "#"]
    assert wanted[0].startswith("pyarrow==") and all("--hash=" in one for one in wanted[1:])
    tested = {one.strip(" \\") for one in lines("requirements-dev.txt")}
    assert set(wanted) <= tested
    assert not any("pyarrow" in one for one in lines("requirements.txt"))


def test_heavy_libraries_are_loaded_by_their_formats_alone() -> None:
    code = (
        "import sys, functions.customers.export, shared.exports.service, shared.exports.files\n"
        "from shared.exports.formats import about, writer\n"
        "from shared.exports.kinds import Format\n"
        "for one in Format: about(one), writer(one)\n"
        "found = {'pyarrow', 'xlsxwriter', 'fpdf', 'PIL', 'fontTools'} & set(sys.modules)\n"
        "assert not found, found"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
