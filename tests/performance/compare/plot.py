"""Draws the main rows of a comparison as an SVG of bars: medians of the rounds, with
a line from the least to the most."""

import statistics

from tests.performance.compare import report

# Title, row, figure, scale.
PANELS = (
    ("1 KiB records, maximum (1,000/s)", "max_1k", "records_per_s", 1e-3),
    ("100 B records, maximum (1,000/s)", "max_100", "records_per_s", 1e-3),
    ("p99 at 20,000 records/s, or the rate reached (ms, less is better)", "rate_20k",
     "p99_ms", 1),
    ("one record at a time, p50 (ms, less is better)", "one", "p50_ms", 1),
    ("replay, one reader (MB/s)", "replay", "mb_per_s", 1),
    ("replay, ten readers together (MB/s)", "replay_10", "mb_per_s", 1),
)
COLORS = {"kappa": "#1b6e53", "kafka": "#9a6a2f", "kafka-synced": "#cfa878",
          "nats": "#3a5f95", "nats-synced": "#94aed3"}
WIDTH, BAR, TITLE, LEFT, RIGHT, GAP = 640, 18, 22, 110, 130, 14


def _text(results, system, row, figure, value):
    rate = report.middle(results, system, row, "records_per_s")
    at = f" at {report.number(rate)}/s" if figure == "p99_ms" and rate else ""
    return report.number(value) + at


def _panel(results, systems, top, title, row, figure, scale):
    found = [(system, [value * scale for value in report.values(results, system, row, figure)])
             for system in systems]
    found = [(system, rounds) for system, rounds in found if rounds]
    if not found:
        return [], top
    per_unit = (WIDTH - LEFT - RIGHT) / max(max(rounds) for _, rounds in found)
    parts = [f'<text x="0" y="{top + 14}" font-weight="bold">{title}</text>']
    top += TITLE
    for system, rounds in found:
        value = statistics.median(rounds)
        text = _text(results, system, row, figure, value)
        least, width, most = (max(1, number * per_unit)
                              for number in (min(rounds), value, max(rounds)))
        parts += [
            f'<text x="0" y="{top + 13}">{system}</text>',
            f'<rect x="{LEFT}" y="{top + 2}" width="{width:.0f}" height="{BAR - 4}"'
            f' fill="{COLORS[system]}"/>',
            f'<text x="{LEFT + most + 6:.0f}" y="{top + 13}">{text}</text>',
        ]
        if len(rounds) > 1:  # from the worst to the best of them
            parts.append(f'<line x1="{LEFT + least:.0f}" x2="{LEFT + most:.0f}"'
                         f' y1="{top + 9}" y2="{top + 9}" stroke="black"/>')
        top += BAR
    return parts, top + GAP


def draw(results, systems):
    parts, top = [], GAP
    for panel in PANELS:
        more, top = _panel(results, systems, top, *panel)
        parts += more
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top}"'
        ' font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>', *parts, "</svg>", ""])
