"""Turns SVG into PNG, for mail: most mail programs show no SVG."""

from __future__ import annotations

from pathlib import Path

SCALE = 2
"""Pixels of the picture for a pixel of CSS, so that it is sharp on today's screens."""
_FONT = Path(__file__).parent / "font" / "DejaVuSans.ttf"


def png(svg: str) -> bytes:
    """The SVG as a PNG file. Its text is set in the font that is deployed with Belfry: servers have
    none. Raises `ImportError` where resvg cannot be loaded."""
    from resvg_py import svg_to_bytes

    return bytes(
        svg_to_bytes(
            svg_string=svg,
            zoom=SCALE,
            font_files=[str(_FONT)],
            skip_system_fonts=True,
            font_family="DejaVu Sans",
            sans_serif_family="DejaVu Sans",
        )
    )
