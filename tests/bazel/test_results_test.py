"""Feeds records of bad runs and expects none of them to pass as good."""

import json
import tempfile
import unittest
from pathlib import Path

import test_results
from tests.python import cases

GOOD = '<testcase name="Good" status="run" result="completed" classname="Log" />'
BAD = '<testcase name="Bad" status="run" classname="Log"><failure message="x" /></testcase>'
ERROR = '<testcase name="tests/x" status="run"><error message="exited with 1" /></testcase>'
SKIPPED = ('<testcase name="Skip" status="run" result="skipped" classname="Log">'
           '<skipped message="file.cc:4&#x0A;no root" /></testcase>')
DISABLED = ('<testcase name="DISABLED_Slow" status="notrun" result="suppressed"'
            ' classname="Log" />')


class ResultsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.events = []

    def write(self, name, text):
        path = self.root / name
        path.write_text(text, encoding="utf-8")
        return path

    def configure(self, label):
        self.events.append({"id": {"targetConfigured": {"label": label}},
                            "configured": {"targetKind": "cc_test rule", "testSize": "SMALL"}})

    def report(self, label, *xml_cases, status="PASSED", shard=1, attempt=1):
        path = self.write(
            f"{label[2:].replace('/', '_')}-{shard}-{attempt}.xml",
            f"<testsuites><testsuite>{''.join(xml_cases)}</testsuite></testsuites>")
        self.events.append({
            "id": {"testResult": {"label": label, "run": 1, "shard": shard,
                                  "attempt": attempt}},
            "testResult": {"status": status, "testActionOutput": [
                {"name": "test.log", "uri": "file:///nowhere"},
                {"name": "test.xml", "uri": f"file://{path}"}]}})

    def tally(self):
        self.configure("//:library")
        del self.events[-1]["configured"]["testSize"]
        path = self.write("events.json", "".join(json.dumps(event) + "\n"
                                                 for event in self.events))
        return test_results.read_events(path)

    def assert_one_failure(self, text, passed=0):
        tally = self.tally()
        self.assertEqual(tally.passed, passed)
        self.assertEqual(len(tally.failures), 1, tally.failures)
        self.assertIn(text, tally.failures[0])

    def test_cases_are_counted_not_targets(self):
        self.configure("//a:test")
        self.configure("//b:test")
        self.report("//a:test", GOOD, GOOD, BAD, status="FAILED")
        self.report("//b:test", GOOD)
        tally = self.tally()
        self.assertEqual(str(tally), "3 passed, 1 failed")
        self.assertEqual(tally.failures, ["//a:test Log.Bad"])

    def test_shards_add_up_and_a_repeated_attempt_does_not(self):
        self.report("//a:test", GOOD, shard=1)
        self.report("//a:test", BAD, shard=2, attempt=1, status="FAILED")
        self.report("//a:test", GOOD, shard=2, attempt=2)
        self.assertEqual(str(self.tally()), "2 passed, 0 failed")

    def test_a_skipped_case_fails_with_what_is_missing(self):
        self.report("//a:test", GOOD, SKIPPED)
        self.assert_one_failure("Log.Skip: skipped: file.cc:4 no root", passed=1)

    def test_an_error_fails(self):
        self.report("//a:test", ERROR, status="FAILED")
        self.assert_one_failure("tests/x")

    def test_a_failure_after_the_last_case_fails(self):
        self.report("//a:test", GOOD, status="FAILED")
        self.assert_one_failure("FAILED, although no case says so", passed=1)

    def test_a_timeout_without_a_result_file_fails(self):
        self.report("//a:test", status="TIMEOUT")
        next(self.root.glob("*.xml")).unlink()
        self.assert_one_failure("no readable result file")

    def test_a_test_without_cases_fails(self):
        self.report("//a:test")
        self.assert_one_failure("has no test case")

    def test_a_test_that_was_not_built_fails(self):
        self.configure("//a:test")
        self.assert_one_failure("could not be built")

    def test_no_record_is_no_case(self):
        self.assertEqual(test_results.read_events(self.root / "missing").cases, 0)

    def test_disabled_cases_are_named_and_not_counted(self):
        self.report("//a:test", GOOD, DISABLED)
        tally = self.tally()
        self.assertEqual((tally.cases, tally.disabled), (1, ["Log.DISABLED_Slow"]))


class DisabledListTest(unittest.TestCase):
    def faults(self, listed, disabled=(), manual=(), nightly=()):
        return test_results.check_disabled(disabled, manual, nightly, listed)

    def test_listed_tests_are_accepted(self):
        self.assertEqual(
            self.faults({"//a:long": "nightly", "Log.DISABLED_X": "needs a tape drive"},
                        ["Log.DISABLED_X"], ["//a:long"], ["//a:long"]), [])

    def test_every_breach_is_found(self):
        for expected, arguments in [
            ("not listed", dict(listed={}, disabled=["Log.DISABLED_X"])),
            ("not listed", dict(listed={}, manual=["//a:long"])),
            ("does not exist", dict(listed={"//a:gone": "nightly"}, nightly=["//a:gone"])),
            ("no reason", dict(listed={"//a:long": ""}, manual=["//a:long"])),
            ("not manual", dict(listed={}, nightly=["//a:long"])),
            ("not the tag", dict(listed={"//a:long": "nightly"}, manual=["//a:long"])),
        ]:
            with self.subTest(expected=expected, arguments=arguments):
                faults = self.faults(**arguments)
                self.assertTrue(any(expected in fault for fault in faults), faults)

    def test_the_file_has_names_reasons_and_comments(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "disabled_tests.txt"
            path.write_text("# Comment.\n\n//a:long  nightly\nLog.X  two words # why\n//b\n",
                            encoding="utf-8")
            self.assertEqual(test_results.read_list(path), {
                "//a:long": "nightly", "Log.X": "two words", "//b": ""})


if __name__ == "__main__":
    cases.main()
