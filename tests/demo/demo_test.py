"""The demo on the real events, and on changed ones, against independent views."""

import os
import pathlib
import subprocess
import tempfile
import unittest

from tests.demo import expected_views
from tests.python import cases

EVENTS = pathlib.Path("tests/data/earthquakes-2016.csv.gz")


def run_demo(events, keep):
    """Runs the demo and returns its output; raises when it fails."""
    environment = dict(
        os.environ,
        KAPPAD=os.path.abspath("server/kappad"),
        KAPPA=os.path.abspath("client/cli/kappa"),
        EARTHQUAKES=os.path.abspath("client/demo/earthquakes"),
        EVENTS=str(events),
        KEEP=str(keep),
    )
    done = subprocess.run(
        ["client/demo/run.sh"], env=environment, text=True, timeout=120,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        raise AssertionError(
            f"the demo ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


class DemoTest(unittest.TestCase):

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(
            dir=os.environ.get("TEST_TMPDIR"))
        self.addCleanup(scratch.cleanup)
        self.keep = pathlib.Path(scratch.name)

    def assert_views(self, rows):
        for version in ("v1", "v2"):
            with self.subTest(version):
                self.assertEqual(
                    (self.keep / f"view-{version}.csv").read_text(),
                    expected_views.view_csv(rows, version))

    def test_views_of_all_events(self):
        rows = expected_views.read_rows(EVENTS)
        self.assertEqual(len(rows), 38_094)
        self.assertEqual(len({row["DateTime"][:10] for row in rows}), 319)
        self.assertEqual(sum(1 for row in rows if not row["EventID"]), 2_273)
        output = run_demo(EVENTS, self.keep)
        self.assert_views(rows)
        self.assertIn("view v1: 38094 events in 319 rows", output)

    def test_changed_events_give_changed_views(self):
        rows = expected_views.read_rows(EVENTS)
        changed = [dict(row) for row in rows[:500]]
        changed[7]["Magnitude"] = "9.90"
        changed[8]["Depth"] = "650.00"
        changed[9]["DateTime"] = "2017/02/03 04:05:06.70"
        path = self.keep / "changed.csv.gz"
        expected_views.write_rows(path, changed)
        run_demo(path, self.keep)
        self.assert_views(changed)
        self.assertNotEqual(
            (self.keep / "view-v2.csv").read_text(),
            expected_views.view_csv(rows[:500], "v2"))
        self.assertIn("9.90", (self.keep / "view-v1.csv").read_text())
        self.assertIn("2017-02-03", (self.keep / "view-v1.csv").read_text())


if __name__ == "__main__":
    cases.main()
