"""Shows a recorded comparison again; compare.sh --show.

    show.py FILE|FOLDER             README's table, the verdict, whether it counts
    show.py FILE|FOLDER --publish   also makes README show it: its table, and
                                    comparison.json and comparison.svg beside this
                                    file

FILE is a result.json, FOLDER what compare.sh --out wrote. Nothing is measured.
"""

import argparse
import datetime
import json
import sys
from pathlib import Path

from tests.performance.compare import plot
from tests.performance.compare import readme_table
from tests.performance.compare import report

HERE = Path(__file__).resolve().parent
README = HERE.parents[2] / "README.md"


def load(path):
    """Returns the rounds and the date of what was recorded."""
    if path.is_file():
        recorded = json.loads(path.read_text(encoding="utf-8"))
        rounds = {int(number): one for number, one in recorded["rounds"].items()}
        return rounds, recorded["date"]
    rounds = report.read(path, list(readme_table.COLUMNS))
    if not rounds:
        raise SystemExit(f"{path}: no round was recorded there")
    newest = max(file.stat().st_mtime for file in path.glob("round-*/**/*.json"))
    date = datetime.datetime.fromtimestamp(newest, datetime.timezone.utc)
    return rounds, date.isoformat(timespec="seconds")


def rounded(figures):
    """What a comparison holds, in as many digits as anybody reads."""
    if isinstance(figures, dict):
        return {name: rounded(value) for name, value in figures.items()}
    return float(f"{figures:.6g}") if isinstance(figures, float) else figures


def publish(rounds, date):
    rounds = rounded(rounds)
    (HERE / "comparison.json").write_text(
        json.dumps({"date": date, "rounds": rounds}, indent=1) + "\n", encoding="utf-8")
    (HERE / "comparison.svg").write_text(
        plot.draw(rounds, list(readme_table.COLUMNS)), encoding="utf-8")
    text = README.read_text(encoding="utf-8")
    README.write_text(readme_table.replaced_in(text, readme_table.table(rounds)),
                      encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(prog="compare.sh --show")
    parser.add_argument("recorded", type=Path, metavar="FILE|FOLDER")
    parser.add_argument("--publish", action="store_true",
                        help="README shows it: its table, comparison.json, comparison.svg")
    options = parser.parse_args()
    if not options.recorded.exists():
        parser.error(f"{options.recorded} does not exist")
    rounds, date = load(options.recorded)
    print(f"recorded until {date}, rounds: {len(rounds)}\n\n{readme_table.table(rounds)}\n")
    held = report.judge(rounds, print)
    counts = report.counts(rounds, print)
    if options.publish:
        publish(rounds, date)
    return 2 if not counts else 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
