"""The sound deployment beside this file, and copies of it with one thing changed."""

import shutil
from pathlib import Path

from checks.bicep import load

MAIN = "main.bicep"
APP = "modules/app.bicep"
DATA = "modules/data.bicep"
STORAGE = "modules/storage.bicep"
SHARED = "modules/shared.bicep"
PARAMETERS = "main.parameters.json"

Kind = tuple[str, str, str, str]
"""A mistake: the file, what stands there, what to put in its place, what is said of that."""
Kinds = dict[str, Kind]

SOUND = Path(__file__).parent / "sound"


def problems(folder: Path) -> list[str]:
    """What is wrong with the deployment, as `path:line: message`, paths from the folder on."""
    found = load(folder / "main.bicep").problems
    return [
        f"{problem.path.relative_to(folder)}:{problem.line}: {problem.message}" for problem in found
    ]


def changed(folder: Path, file: str, old: str, new: str) -> Path:
    """A copy of the sound deployment in which `old`, which stands there once, is `new`."""
    copy = folder / "changed"
    shutil.copytree(SOUND, copy)
    text = (copy / file).read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
    (copy / file).write_text(text.replace(old, new), encoding="utf-8")
    return copy


def only_problem(folder: Path, kind: Kind) -> str:
    """What is wrong with the sound deployment after this mistake: one thing, there or in main."""
    file, old, new, _ = kind
    found = problems(changed(folder, file, old, new))
    assert len(found) == 1, found
    assert found[0].startswith((file, MAIN))
    return found[0]


def titled(title: str, kinds: Kinds) -> Kinds:
    return {f"{title}: {name}": kind for name, kind in kinds.items()}
