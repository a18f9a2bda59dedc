"""Draws the main rows of a comparison as an SVG of bars."""

from tests.performance.compare import report

PANELS = (
    ("1 KiB records, maximum (1,000/s)", "max_1k", "records_per_s", 1e-3),
    ("100 B records, maximum (1,000/s)", "max_100", "records_per_s", 1e-3),
    ("p99 at 20,000 records/s (ms, less is better)", "rate_20k", "p99_ms", 1),
    ("one record at a time, p50 (ms, less is better)", "one", "p50_ms", 1),
    ("replay, one reader (MB/s)", "replay", "mb_per_s", 1),
    ("replay, ten readers together (MB/s)", "replay_10", "mb_per_s", 1),
)
COLORS = {"kappa": "#1b6e53", "kafka": "#9a6a2f", "kafka-synced": "#cfa878",
          "nats": "#3a5f95", "nats-synced": "#94aed3"}
WIDTH, BAR, TITLE, LEFT, GAP = 640, 18, 22, 110, 14


def _panel(results, systems, top, title, row, figure, scale):
    found = [(system, report.middle(results, system, row, figure)) for system in systems]
    found = [(system, value * scale) for system, value in found if value is not None]
    if not found:
        return [], top
    largest = max(value for _, value in found)
    parts = [f'<text x="0" y="{top + 14}" font-weight="bold">{title}</text>']
    top += TITLE
    for system, value in found:
        width = max(1, value / largest * (WIDTH - LEFT - 70))
        parts += [
            f'<text x="0" y="{top + 13}">{system}</text>',
            f'<rect x="{LEFT}" y="{top + 2}" width="{width:.0f}" height="{BAR - 4}"'
            f' fill="{COLORS[system]}"/>',
            f'<text x="{LEFT + width + 6:.0f}" y="{top + 13}">{report.number(value)}</text>',
        ]
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
