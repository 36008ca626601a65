"""What an analysis finds in real repositories, fetched by https, and what it says of it."""

from __future__ import annotations

from tests.integration.analysis.conftest import Lab

UNSAFE = "import subprocess\nsubprocess.call('ls', shell=True)\n"


def test_it_finds_what_is_unsafe(lab: Lab) -> None:
    source = lab.source()
    commit = source.commit({"app/run.py": UNSAFE})
    result = lab.run()
    print(result)
    for one in lab.found(result):
        print(one)
    assert result["commit"] == commit
