"""Shows recorded comparisons again; compare.sh --show.

    show.py FILE|FOLDER...             README's table, the verdicts, whether they count
    show.py FILE|FOLDER... --publish   also makes README show them: the table of the
                                       last one, what each says of the goals, and
                                       comparison.json and comparison.svg beside this
                                       file

FILE is a result.json, or comparison.json; FOLDER what compare.sh --out wrote.
Nothing is measured.
"""

import argparse
import datetime
import json
import sys
from pathlib import Path

from tests.performance.compare import plot
from tests.performance.compare import readme_table
from tests.performance.compare import report
from tests.performance.compare import systems

HERE = Path(__file__).resolve().parent
README = HERE.parents[2] / "README.md"


def load(path):
    """Returns rounds and date of each run that was recorded there."""
    if path.is_file():
        recorded = json.loads(path.read_text(encoding="utf-8"))
        return [({int(number): one for number, one in run["rounds"].items()}, run["date"])
                for run in recorded.get("runs", [recorded])]
    rounds = report.read(path, list(readme_table.COLUMNS))
    if not rounds:
        raise SystemExit(f"{path}: no round was recorded there")
    newest = max(file.stat().st_mtime for file in path.glob("round-*/**/*.json"))
    date = datetime.datetime.fromtimestamp(newest, datetime.timezone.utc)
    return [(rounds, date.isoformat(timespec="seconds"))]


def rounded(figures):
    """What a comparison holds, in as many digits as anybody reads."""
    if isinstance(figures, dict):
        return {name: rounded(value) for name, value in figures.items()}
    return float(f"{figures:.6g}") if isinstance(figures, float) else figures


def publish(runs):
    runs = [(rounded(rounds), date) for rounds, date in runs]
    (HERE / "comparison.json").write_text(
        json.dumps({"runs": [{"date": date, "rounds": rounds} for rounds, date in runs]},
                   indent=1) + "\n", encoding="utf-8")
    (HERE / "comparison.svg").write_text(
        plot.draw(runs[-1][0], list(readme_table.COLUMNS)), encoding="utf-8")
    text = README.read_text(encoding="utf-8")
    shown = readme_table.shown([rounds for rounds, _ in runs], systems.settings())
    README.write_text(readme_table.replaced_in(text, shown), encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(prog="compare.sh --show")
    parser.add_argument("recorded", type=Path, metavar="FILE|FOLDER", nargs="+")
    parser.add_argument("--publish", action="store_true",
                        help="README shows it: its table, comparison.json, comparison.svg")
    options = parser.parse_args()
    for path in options.recorded:
        if not path.exists():
            parser.error(f"{path} does not exist")
    runs = [run for path in options.recorded for run in load(path)]
    held, counts = [], []
    for rounds, date in runs:
        print(f"recorded until {date}, rounds: {len(rounds)}\n\n"
              f"{readme_table.table(rounds)}\n")
        held.append(report.judge(rounds, print))
        counts.append(report.counts(rounds, print))
    if options.publish:
        if not all(counts):
            raise SystemExit("what does not count is not published")
        publish(runs)
    return 2 if not all(counts) else 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
