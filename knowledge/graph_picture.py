"""The graph around a name as a picture: it in the middle, its neighbours in rings, lines with words. Plain SVG, no script."""

from __future__ import annotations

import math
from html import escape

from knowledge.graph import Picture

WIDTH, HEIGHT = 1000, 760
RING = 14  # neighbours of the inner ring; the rest stands on the outer one
_COLOURS = {"introduced": "#b45309", "named with": "#cbd5e1"}


def svg(picture: Picture) -> str:
    """An SVG document of `WIDTH` × `HEIGHT`. Every text in it is escaped."""
    places = _places(picture.nodes)
    lines, labels = [], []
    for edge in picture.edges:
        (x1, y1), (x2, y2) = places[edge.a], places[edge.b]
        colour = _COLOURS.get(edge.what, "#475569")
        title = escape(f"{edge.source}: {edge.quote}" if edge.quote else edge.source)
        lines.append(
            f'<line x1="{x1:.0f}" y1="{y1:.0f}" x2="{x2:.0f}" y2="{y2:.0f}" stroke="{colour}"><title>{title}</title></line>'
        )
        if edge.what != "named with":
            x, y = x1 + (x2 - x1) * 0.55, y1 + (y2 - y1) * 0.55
            labels.append(f'<text class="what" x="{x:.0f}" y="{y:.0f}">{escape(_short(edge.what, 24))}</text>')
    for name, (x, y) in places.items():
        kind = "me" if name == picture.about else "node"
        size = 9 if kind == "me" else 6
        labels.append(f'<circle class="{kind}" cx="{x:.0f}" cy="{y:.0f}" r="{size}"/>')
        labels.append(f'<text class="{kind}" x="{x:.0f}" y="{y - 13:.0f}">{escape(_short(name, 30))}</text>')
    style = (
        "text{font:13px system-ui,sans-serif;text-anchor:middle;fill:#0f172a;paint-order:stroke;stroke:#fff;stroke-width:4px}"
        ".what{font-size:11px;fill:#475569}.me{font-weight:600}circle.node{fill:#38bdf8}circle.me{fill:#0369a1}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="What is around {escape(picture.about, quote=True)}">'
        f'<style>{style}</style><rect width="100%" height="100%" fill="#fff"/>{"".join(lines)}{"".join(labels)}</svg>\n'
    )


def _places(nodes: list[str]) -> dict[str, tuple[float, float]]:
    middle = (WIDTH / 2, HEIGHT / 2)
    places = {nodes[0]: middle}
    inner, outer = nodes[1 : RING + 1], nodes[RING + 1 :]
    for ring, (rx, ry), turn in ((inner, (270, 200), 0.0), (outer, (430, 330), 0.5)):
        for n, name in enumerate(ring):
            angle = 2 * math.pi * (n + turn) / len(ring) - math.pi / 2
            places[name] = (middle[0] + rx * math.cos(angle), middle[1] + ry * math.sin(angle))
    return places


def _short(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
