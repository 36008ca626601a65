"""How branched the code is (by lizard), how large, and in what it is written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from shared.analysis.inside.saying import Slow, Time, files, finding, missed, said, within
from shared.analysis.languages import language
from shared.analysis.limits import Limits

_SECONDS = 20
_MOST = 15
"""Paths through a function, above which it is told."""
_LARGEST = 10


def main(order: Mapping[str, Any]) -> dict[str, Any]:
    src, limits = Path(order["src"]), Limits(**order["limits"])
    languages: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    sizes: list[tuple[int, str]] = []
    findings: list[dict[str, Any]] = []
    slow: list[str] = []
    time, late = Time(limits), 0
    paths = functions = highest = 0
    for path, place in files(src):
        data = place.read_bytes()
        sizes.append((-len(data), path))
        if (name := language(path)) is None or b"\0" in data[:8000]:
            continue
        counted = languages[name]
        counted[0] += 1
        counted[1] += sum(1 for line in data.splitlines() if line.strip())
        counted[2] += len(data)
        if time.is_over():
            late += 1
            continue
        try:
            with within(_SECONDS):
                found = _functions(path, data)
        except (Slow, RecursionError):
            slow.append(path)
            continue
        for ways, line, end, what in found:
            functions, paths, highest = functions + 1, paths + ways, max(highest, ways)
            if ways > _MOST:
                text = f"{what} has {ways} paths through it; {_MOST} are enough for a function"
                findings.append(finding("complexity", "note", text, path, line, end_line=end))
    rules = {
        "complexity": {
            "name": "complex function",
            "help": f"A function with more than {_MOST} paths through it is hard to test.",
            "url": "https://en.wikipedia.org/wiki/Cyclomatic_complexity",
            "severity": "note",
        }
    }
    trouble = missed(slow, late)
    made = said(src, findings, rules, version("lizard"), limits.findings, trouble)
    return made | {
        "languages": [[name, *counted] for name, counted in sorted(languages.items())],
        "largest": [[path, -size] for size, path in sorted(sizes)[:_LARGEST]],
        "functions": functions,
        "average": round(paths / functions, 2) if functions else 0.0,
        "highest": highest,
    }


def _functions(path: str, data: bytes) -> list[tuple[int, int, int, str]]:
    """(paths, first line, last line, name) of each."""
    import lizard
    from lizard_languages import get_reader_for

    if get_reader_for(path) is None:
        return []
    found = lizard.analyze_file.analyze_source_code(path, data.decode("utf-8", "replace"))
    return [
        (int(one.cyclomatic_complexity), int(one.start_line), int(one.end_line), one.name[:100])
        for one in found.function_list
    ]
