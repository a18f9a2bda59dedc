"""The program: its exit codes and what it prints."""

import json
import subprocess
import tempfile
import unittest
from pathlib import Path

from tests.python import cases

CHECKER = "tests/checker/checker"
HISTORIES = Path("tests/checker/histories")


def run(*arguments):
    return subprocess.run([CHECKER, *map(str, arguments)], capture_output=True,
                          text=True, check=False)


class CheckerTest(unittest.TestCase):

    def test_a_clean_history_ends_with_0(self):
        done = run(HISTORIES / "legal.jsonl")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(done.stdout.endswith("\n0 anomalies\n"), done.stdout)

    def test_anomalies_end_with_1_and_have_evidence(self):
        done = run(HISTORIES / "gap.jsonl")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("gap: 1\n  t/0: node 1, line 9: nothing at offsets 2 to 2, "
                      'then "d"\n    lines 9\n1 anomalies\n', done.stdout)

    def test_json(self):
        done = run(HISTORIES / "gap.jsonl", "-o", "json")
        self.assertEqual(done.returncode, 1, done.stderr)
        report = json.loads(done.stdout)
        self.assertEqual(report["counts"], {"gap": 1})
        self.assertEqual(report["anomalies"][0]["lines"], [9])

    def test_options(self):
        history = HISTORIES / "no-progress.jsonl"
        self.assertEqual(run(history).returncode, 1)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "history.jsonl"
            events = list(map(json.loads, history.read_text(encoding="utf-8").splitlines()))
            for event in events:
                event.pop("within_us", None)
                if "time_us" in event:
                    event["time_us"] *= 1000  # 1.25 s from the heal to the end
            path.write_text("\n".join(map(json.dumps, events)), encoding="utf-8")
            self.assertEqual(run(path).returncode, 0)
            done = run(path, "--progress-seconds", 1)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn("no-progress: 1\n", done.stdout)
        shown = run(HISTORIES / "lost-write.jsonl", "--shown", 1)
        self.assertIn("lost-write: 1\n", shown.stdout)

    def test_what_cannot_be_used_ends_with_2_and_names_the_line(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "history.jsonl"
            path.write_text('{"type":"heal","time_us":1}\n{"type":"he', encoding="utf-8")
            done = run(path)
            self.assertEqual(done.returncode, 2)
            self.assertEqual(done.stderr, f"checker: {path}: line 2: no JSON object\n")
            self.assertEqual(done.stdout, "")
            done = run(Path(folder) / "missing")
            self.assertEqual(done.returncode, 2)
            self.assertIn("cannot open", done.stderr)

    def test_wrong_usage_ends_with_2(self):
        for arguments in ([], ["a", "b"], ["a", "-o", "xml"], ["a", "--progress-seconds", "0"]):
            self.assertEqual(run(*arguments).returncode, 2, arguments)
        self.assertEqual(run("--help").returncode, 0)


if __name__ == "__main__":
    cases.main()
