"""Growth as a picture: one line a figure over the number of points, both axes in powers of ten."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT, LEFT, TOP = 640, 400, 70, 60
_COLOURS = ("#1f6feb", "#bf3989", "#1a7f37", "#9a6700", "#6e7781")


def draw(title: str, curve: Sequence[Mapping[str, float]], keys: Sequence[str], *, over: str = "points") -> str:
    """An SVG of the figures named `keys`; values below a tenth are drawn at a tenth."""
    across = [math.log10(max(1.0, point[over])) for point in curve]
    up = [math.log10(max(0.1, point[key])) for key in keys for point in curve]
    left, right = math.floor(min(across)), max(math.ceil(max(across)), math.floor(min(across)) + 1)
    low, high = math.floor(min(up)), max(math.ceil(max(up)), math.floor(min(up)) + 1)

    def x(power: float) -> float:
        return round(LEFT + (power - left) / (right - left) * (WIDTH - LEFT - 130), 1)

    def y(power: float) -> float:
        return round(HEIGHT - 40 - (power - low) / (high - low) * (HEIGHT - 40 - TOP), 1)

    lines = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{LEFT}" y="28" font-size="16">{escape(title)}</text>',
    ]
    for power in range(low, high + 1):
        lines += [
            f'<line x1="{x(left)}" x2="{x(right)}" y1="{y(power)}" y2="{y(power)}" stroke="#d0d7de"/>',
            f'<text x="{LEFT - 8}" y="{y(power) + 4}" text-anchor="end">{10.0**power:g}</text>',
        ]
    for power in range(left, right + 1):
        lines.append(f'<text x="{x(power)}" y="{HEIGHT - 20}" text-anchor="middle">{10**power:,}</text>')
    for n, key in enumerate(keys):
        colour = _COLOURS[n % len(_COLOURS)]
        spots = [(x(a), y(math.log10(max(0.1, point[key])))) for a, point in zip(across, curve, strict=True)]
        path = " ".join(f"{a},{b}" for a, b in spots)
        lines.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        lines += [f'<circle cx="{a}" cy="{b}" r="3" fill="{colour}"/>' for a, b in spots]
        lines.append(f'<text x="{WIDTH - 118}" y="{TOP + 18 * n}" fill="{colour}">{escape(key)}</text>')
    return "\n".join([*lines, "</svg>"]) + "\n"
