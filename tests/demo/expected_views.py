"""Computes both views of the demo straight from the CSV, without a log.

Independent of the product's code: what tests/demo compares the demo with.
"""

import collections
import csv
import gzip
import io


def read_rows(path):
    """Every row of a gzipped catalogue, as dictionaries."""
    with gzip.open(path, "rt", newline="") as text:
        return list(csv.DictReader(text))


def write_rows(path, rows):
    """Writes rows as a gzipped catalogue."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    with gzip.open(path, "wt", newline="") as out:
        out.write(text.getvalue())


def depth_band(depth_km):
    if depth_km < 70:
        return "0-70 km"
    if depth_km < 300:
        return "70-300 km"
    return "300+ km"


def view_csv(rows, version):
    """The CSV text of view "v1" or "v2" over the rows."""
    groups = collections.defaultdict(list)
    for row in rows:
        day = row["DateTime"][:10].replace("/", "-")
        key = (day,) if version == "v1" else (
            day, depth_band(float(row["Depth"])))
        groups[key].append(float(row["Magnitude"]))
    header = ["day", "events", "strongest"]
    if version == "v2":
        header.insert(1, "depth")
    lines = [",".join(header)]
    for key in sorted(groups):
        magnitudes = groups[key]
        lines.append(",".join(
            [*key, str(len(magnitudes)), "%.2f" % max(magnitudes)]))
    return "\n".join(lines) + "\n"
