"""What an analysis finds in real repositories, fetched by https, and what it says of it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from shared.analysis.model import AnalysisKind, Finding, FindingState
from tests.integration.analysis.conftest import Lab
from tests.integration.analysis.probe import QUIET
from tests.unit.analysis.test_sarif import check

SHELL = "import subprocess\nsubprocess.call(given, shell=True)\n"
PICKLE = "import pickle\npickle.loads(given)\n"
SECRET = "AKIAIOSFODNN7EXAMPL" + "Q"
KEY = f'aws_key = "{SECRET}"\n'
BRANCHED = "def f(x):\n" + "".join(
    f"    if x == {one}:\n        return {one}\n" for one in range(20)
)


def marks(findings: list[Finding]) -> Counter[tuple[str, str, str]]:
    return Counter((one.tool, one.rule, one.path) for one in findings)


def test_it_finds_what_is_unsafe_and_says_what_changed(lab: Lab) -> None:
    source = lab.source()
    commit = source.commit({"app/run.py": SHELL, "keys.py": KEY, "read me.md": "# Read me\n"})
    result = lab.run()
    assert (result["commit"], result["branch"], result["files"]) == (commit, "main", 3)
    assert result["complete"] and result["findings_new"] == len(lab.found(result)) > 0
    found = marks(lab.found(result))
    assert ("bandit", "B602", "app/run.py") in found and ("ruff", "S602", "app/run.py") in found
    assert ("detect-secrets", "aws-access-key", "keys.py") in found
    kept = lab.service().sarif(lab.service().get(result["analysis_id"]))
    check(json.loads(kept))
    assert SECRET not in kept.decode() and SECRET not in str(lab.found(result))

    again = lab.run()
    assert (again["findings_new"], again["findings_gone"]) == (0, 0)
    assert again["findings_same"] == result["findings_new"]

    moved = {"lib/run.py": "# moved, and lower\n\n" + SHELL, "loads.py": PICKLE}
    source.commit({**moved, "read me.md": "# Read me\n"}, keep=False)
    third = lab.run()
    states = {(one.rule, one.path): one.state for one in lab.found(third)}
    assert states["B602", "lib/run.py"] is FindingState.SAME, "the file moved, and so did the line"
    assert states["B301", "loads.py"] is FindingState.NEW
    assert states["aws-access-key", "keys.py"] is FindingState.GONE
    assert third["findings_gone"] == sum(one is FindingState.GONE for one in states.values())
    assert third["findings_new"] + third["findings_same"] == len(states) - third["findings_gone"]

    exported = list(lab.service().findings(7, None, None))
    assert exported == lab.found(third), "an export has the last analysis"
    lab.modules = QUIET
    assert lab.run()["findings_gone"] == len(exported) - third["findings_gone"], "gone once"


def test_the_repository_neither_runs_nor_says_how_it_is_read(lab: Lab, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    runs = f"open({str(ran)!r}, 'w')\n"
    source = lab.source()
    source.commit(
        {
            "app.py": SHELL + KEY,
            ".bandit": "[bandit]\nskips = B602,B404,B603\nexclude = /app.py\n",
            "pyproject.toml": '[tool.ruff]\nexclude = ["*"]\n[tool.bandit]\nskips = ["B602"]\n',
            "ruff.toml": 'exclude = ["*"]\n',
            ".ruff.toml": "include = []\n",
            ".gitignore": "*\n",
            ".secrets.baseline": '{"filters_used": [], "plugins_used": [], "results": {}}',
            **dict.fromkeys(
                (
                    "conftest.py",
                    "setup.py",
                    "sitecustomize.py",
                    "bandit.py",
                    "json.py",
                    "lizard.py",
                ),
                runs,
            ),
            "shared/__init__.py": runs,
            "detect_secrets/__init__.py": runs,
            "big.py": BRANCHED,
            "web/app.ts": "export const a = 1;\n",
        }
    )
    result = lab.run(kind=AnalysisKind.FULL)
    found = marks(lab.found(result))
    assert result["complete"] and not ran.exists()
    assert ("bandit", "B602", "app.py") in found and ("ruff", "S602", "app.py") in found
    assert ("detect-secrets", "aws-access-key", "app.py") in found
    assert ("lizard", "complexity", "big.py") in found and ("ruff", "F821", "app.py") in found
    measures = lab.service().get(result["analysis_id"]).measures
    assert {"Python", "TypeScript", "TOML"} <= {one.name for one in measures.languages}
    assert measures.complexity is not None and measures.complexity.highest == 21
    assert measures.largest[0].path == "big.py"


def test_the_same_commit_gives_the_same_bytes(lab: Lab) -> None:
    for name in ("1", "2"):
        lab.source(name).commit({"app.py": SHELL + KEY})
    kept = []
    for name in ("1", "2"):
        service, result = lab.service(), lab.run(name)
        text = service.sarif(service.get(result["analysis_id"])).decode()
        kept.append(text.replace(f"belfry/{name}/", "belfry/").replace(f'/{name}"', '"'))
    assert kept[0] == kept[1]


def test_a_branch_is_compared_with_itself_alone(lab: Lab) -> None:
    lab.modules = QUIET
    source = lab.source()
    source.commit({"do": "list"})
    source.commit({"do": "list", "more": ""}, branch="next")
    main, following = lab.run(), lab.run(branch="next")
    assert main["findings_new"] and following["findings_new"]
    assert (following["branch"], following["findings_gone"]) == ("next", 0)
    again = lab.run(branch="main")
    assert (again["findings_new"], again["findings_same"]) == (0, main["findings_new"])
