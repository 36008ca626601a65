"""A client of the API, made of its description as anybody would make one."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

NAME = "belfry_client"
CONFIG = Path(__file__).parents[1] / "local" / "client.yml"


def generated(description: Mapping[str, Any], folder: Path) -> ModuleType:
    """The package, in a folder of its own, imported. Fails if the generator leaves anything out."""
    (folder / "openapi.json").write_text(json.dumps(description))
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--fail-on-warning"]
    command += ["--path", "openapi.json", "--config", str(CONFIG)]
    command += ["--meta", "none", "--output-path", NAME]
    done = subprocess.run(command, cwd=folder, text=True, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning" not in done.stdout.lower(), done.stdout
    sys.path.insert(0, str(folder))
    try:
        for name in [name for name in sys.modules if name.partition(".")[0] == NAME]:
            del sys.modules[name]
        for path in sorted((folder / NAME).rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            importlib.import_module(".".join(parts).removesuffix(".__init__"))
    finally:
        sys.path.remove(str(folder))
    return sys.modules[NAME]


def operation(tag: str, name: str) -> Any:
    """The module of an operation: it has `sync`, `sync_detailed` and their coroutines."""
    return sys.modules[f"{NAME}.api.{tag}.{name}"]


def model(name: str) -> Any:
    """A class of the models."""
    return getattr(sys.modules[f"{NAME}.models"], name)
