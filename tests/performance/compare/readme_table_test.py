"""README shows the recorded comparison, and nobody copied a figure by hand."""

import contextlib
import io
import json
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from tests.performance.compare import plot
from tests.performance.compare import readme_table
from tests.performance.compare import report
from tests.performance.compare import show
from tests.performance.compare import systems
from tests.python import cases

FOLDER = Path("tests/performance/compare")
RECORDED = FOLDER / "comparison.json"


class ReadmeTableTest(unittest.TestCase):
    def test_readme_shows_what_was_recorded(self):
        runs = [rounds for rounds, _ in show.load(RECORDED)]
        readme = Path("README.md").read_text(encoding="utf-8")
        shown = readme_table.replaced_in(readme, readme_table.shown(runs, systems.settings()))
        self.assertEqual(readme, shown, "compare.sh --show comparison.json --publish")
        drawn = (FOLDER / "comparison.svg").read_text(encoding="utf-8")
        self.assertEqual(drawn, plot.draw(runs[-1], list(readme_table.COLUMNS)))
        self.assertIn(str(FOLDER / "comparison.svg"), readme)

    def test_every_goal_and_floor_stands_in_one_line(self):
        rounds, _ = show.load(RECORDED)[-1]
        stand = [title for line in readme_table.LINES for title in line.goals.values()]
        judged = [title for title, _, _ in report.floors(rounds) + report.goals(rounds)]
        self.assertEqual(sorted(stand), sorted(judged))

    def test_a_recorded_comparison_is_shown_with_its_verdict(self):
        runs = show.load(RECORDED)
        said = io.StringIO()
        with mock.patch("sys.argv", ["show", str(RECORDED)]):
            with contextlib.redirect_stdout(said):
                code = show.main()
        counts = [report.counts(rounds, lambda line: None) for rounds, _ in runs]
        self.assertEqual(code == 2, not all(counts))
        for rounds, date in runs:
            self.assertIn(date, said.getvalue())
            self.assertIn(readme_table.table(rounds), said.getvalue())
        self.assertEqual(said.getvalue().count("this run counts"), sum(counts))

    def test_folder_and_file_say_the_same(self):
        rounds, _ = show.load(RECORDED)[-1]
        with tempfile.TemporaryDirectory() as folder:
            for number, one in rounds.items():
                for system in readme_table.COLUMNS:
                    path = Path(folder) / f"round-{number}" / system
                    path.mkdir(parents=True)
                    for row, figures in one[system].items():
                        (path / f"{row}.json").write_text(json.dumps(figures),
                                                          encoding="utf-8")
                (path.parent / "limits.json").write_text(json.dumps(one["limits"]),
                                                         encoding="utf-8")
            self.assertEqual(show.load(Path(folder))[0][0], rounds)

    def test_each_run_says_what_it_missed(self):
        rounds, _ = show.load(RECORDED)[-1]
        worse = json.loads(json.dumps(rounds))
        for one in worse.values():
            one["kappa"]["idle"]["idle_mb"] = 60
        lines = readme_table.verdicts([worse, rounds]).splitlines()
        idle = [line for line in lines if line.startswith("| memory idle")]
        self.assertEqual(len(idle), 1)
        _, _, first, last, _ = idle[0].split("|")
        self.assertIn("60.0 > 50.0 **missed**", first)
        self.assertNotIn("missed", last)

    def test_what_was_not_measured_is_not_missed(self):
        rounds, _ = show.load(RECORDED)[-1]
        lacking = json.loads(json.dumps(rounds))
        for one in lacking.values():
            del one["kappa"]["idle"]
        idle = [line for line in readme_table.verdicts([lacking]).splitlines()
                if line.startswith("| memory idle")]
        self.assertEqual(idle, ["| memory idle, MB | not measured |"])

    def test_only_what_stands_between_the_marks_is_replaced(self):
        begin, end = readme_table.BEGIN + "\n", readme_table.END + "\n"
        self.assertEqual(readme_table.replaced_in(f"a\n{begin}b\n{end}c\n", "d"),
                         f"a\n{begin}d\n{end}c\n")
        for wrong in ("a\n", f"{end}{begin}", f"{begin}b\n", 2 * f"{begin}b\n{end}"):
            with self.assertRaises(ValueError):
                readme_table.replaced_in(wrong, "d")


if __name__ == "__main__":
    cases.main()
