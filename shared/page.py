"""A page for people outside that loads nothing: a template in which everything is escaped, a style
sheet that stands in it, and a policy that allows no more than that."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Template


def policy(style: str, forms: str = "'none'") -> str:
    """The page's content security policy: this very style sheet; `forms`: where forms may go."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action {forms}; "
        "frame-ancestors 'none'"
    )


def template(folder: Path, name: str, **known: object) -> Template:
    """The page's template. `known`: what it may use besides what it is given."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(known)
    return made.get_template(name)
