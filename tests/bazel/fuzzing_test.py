"""Runs stand-ins for fuzz targets and looks at the verdicts."""

import contextlib
import io
import os
import tempfile
import unittest
from pathlib import Path

import fuzzing
from tests.python import cases

LABEL = "//tests/fuzz:row_fuzz"
GOOD = "echo stat::number_of_executed_units: 5001"


class FuzzingTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(folder.name)
        (fuzzing.CORPUS / "row_fuzz").mkdir(parents=True)
        self.fuzzer = fuzzing.Fuzzer(Path(folder.name) / "cache")
        self.fuzzer.binaries = Path(folder.name) / "bin"
        self.memory = Path("memory/row")

    def target(self, script):
        path = self.fuzzer.binary(LABEL)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\necho \"$@\" >> arguments\n{script}\n", encoding="utf-8")
        path.chmod(0o755)

    def run_short(self):
        with contextlib.redirect_stdout(io.StringIO()):
            return self.fuzzer.run_short(LABEL)

    def test_a_good_run_counts_its_executions(self):
        self.target(GOOD)
        self.assertEqual(self.run_short(), fuzzing.Run(5001, []))
        arguments = Path("arguments").read_text(encoding="utf-8")
        self.assertIn("-runs=5000", arguments)
        self.assertTrue(arguments.strip().endswith("tests/fuzz/corpus/row_fuzz"), arguments)

    def test_a_crash_is_a_fault(self):
        self.target(f"{GOOD}; exit 77")
        self.assertIn("code 77", self.run_short().faults[0])

    def test_a_target_that_executes_nothing_is_a_fault(self):
        self.target("true")
        self.assertEqual(self.run_short().faults, ["executed nothing"])

    def test_a_target_without_seeds_is_a_fault(self):
        (fuzzing.CORPUS / "row_fuzz").rmdir()
        self.assertIn("is missing", self.run_short().faults[0])

    def run_nightly(self, memory):
        with contextlib.redirect_stdout(io.StringIO()):
            return fuzzing.run_nightly(self.fuzzer, LABEL, memory)

    def test_a_nightly_run_is_six_slices(self):
        self.target(GOOD)
        self.assertEqual(self.run_nightly(None), ([], 6 * 5001))
        arguments = Path("arguments").read_text(encoding="utf-8").splitlines()
        self.assertEqual(len(arguments), 6)
        self.assertIn("-max_total_time=300", arguments[0])

    def test_a_nightly_run_goes_on_where_it_stopped(self):
        self.target(f"{GOOD}; test $(wc -l < arguments) -lt 3")
        faults, executions = self.run_nightly(self.memory)
        self.assertIn("code 1", faults[0])
        self.assertEqual(executions, 3 * 5001)
        self.target(GOOD)
        self.assertEqual(self.run_nightly(self.memory), ([], 6 * 5001))
        self.assertEqual(len(Path("arguments").read_text("utf-8").splitlines()), 7)


if __name__ == "__main__":
    cases.main()
