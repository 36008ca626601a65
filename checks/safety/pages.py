"""Which pages and mails there are, and which files pages load. Lint and build both go by this list:
what a new page loads is added here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Site:
    """Pages and what they load."""

    sources: str
    """The folder of our own scripts and style sheets."""
    assets: str
    """The folder into which they are built, and from which the app serves them."""
    packaged: Mapping[str, str]
    """Files that an installed package brings in its folder `static`, with the package."""


SITES = (
    Site(
        sources="web/docs",
        assets="shared/api/assets",
        packaged={
            "favicon.png": "fastapi_offline",
            "swagger-ui-bundle.js": "fastapi_offline",
            "swagger-ui.css": "fastapi_offline",
        },
    ),
)


def sources(root: Path, site: Site) -> list[Path]:
    """Its scripts and style sheets."""
    return sorted(
        path for path in (root / site.sources).rglob("*") if path.suffix in (".js", ".css")
    )


def pages() -> dict[str, str]:
    """The HTML of each page, by its name."""
    from shared.api.pages import page
    from shared.probes.drawing import html
    from shared.probes.pages import SAMPLE

    return {
        "api-docs.html": bytes(page().body).decode(),
        "status-page.html": html(SAMPLE),
        "api-docs-with-key.html": bytes(page("a/b==&c").body).decode(),
    }


def mails() -> dict[str, str]:
    """The HTML of each kind of mail in each language, of its sample, by its name."""
    from shared.notifications import kinds, languages
    from shared.notifications.rendering import render

    names = [name for name in kinds.names() if kinds.kind(name).channel == kinds.MAIL]
    return {
        f"{name}.{tag}.html": render(name, kinds.kind(name).sample, tag).html
        for name in names
        for tag in languages.names()
    }
