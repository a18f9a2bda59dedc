"""Replaces Bazel and the compilers by stand-ins and looks at the verdicts."""

import contextlib
import io
import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import run_tests
from test_results import Tally
from tests.python import cases


class RunTestsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(folder.name)
        Path("tests").mkdir()
        Path(run_tests.DISABLED_LIST).write_text("# None.\n", encoding="utf-8")
        Path(run_tests.EXPECTED_MINIMUM).write_text("1\n", encoding="utf-8")
        self.parts = {name: Tally(passed=1)
                      for name in ("test_opt", "test_asan", "test_tsan", "test_fuzz", "analyse")}
        self.tagged = {"manual": [], "nightly": [], "fuzz": []}
        self.replace("targets_tagged", side_effect=lambda tag: self.tagged[tag])
        self.replace("CACHE", new=Path(folder.name) / "cache")

    def replace(self, name, **options):
        patch = mock.patch.object(run_tests, name, **options)
        self.addCleanup(patch.stop)
        return patch.start()

    def run_all(self, install_seconds=0):
        """Returns the exit code and the lines of a whole run."""
        for name, tally in self.parts.items():
            if isinstance(tally, Exception):
                self.replace(name, side_effect=tally)
            else:
                self.replace(name, return_value=tally)
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            code = run_tests.run_all(install_seconds)
        return code, output.getvalue().splitlines()

    def assert_fails(self, text, **options):
        code, lines = self.run_all(**options)
        self.assertEqual(code, 1)
        self.assertRegex(lines[-1], r"^\d+ passed, 1 failed$")
        self.assertIn(text, next(line for line in lines if line.startswith("FAILED: ")))

    def test_sources_are_what_is_or_could_be_committed(self):
        Path(".gitignore").write_text("*.o.cc\n", encoding="utf-8")
        for name in ("a.cc", "a.h", "b.cc", "b.o.cc", "page.md"):
            Path(name).write_text("", encoding="utf-8")
        for command in (["init", "-q"], ["add", "a.cc", "a.h"]):
            run_tests.output_of(["git", *command])
        self.assertEqual(run_tests.source_files("*.cc", "*.h"), ["a.cc", "a.h", "b.cc"])

    def test_a_command_that_fails_is_named(self):
        self.assertEqual(run_tests.command_faults(["true"]), [])
        self.assertEqual(run_tests.command_faults(["false"]), ["false ended with code 1"])

    def test_clang_finds_a_field_used_without_its_lock(self):
        self.replace("bazel_info", return_value=".")
        self.replace("source_files", return_value=["tests/skipped.cc", "good.cc", "bad.cc"])
        source = """
            struct __attribute__((capability("mutex"))) Mutex {
              void Lock() __attribute__((acquire_capability()));
              void Unlock() __attribute__((release_capability()));
            };
            struct Counter {
              Mutex mutex;
              int value __attribute__((guarded_by(mutex)));
            };
            int Read(Counter& c) { LOCK int v = c.value; UNLOCK return v; }
        """
        Path("bad.cc").write_text(source.replace("UNLOCK", "").replace("LOCK", ""),
                                  encoding="utf-8")
        Path("good.cc").write_text(
            source.replace("UNLOCK", "c.mutex.Unlock();").replace("LOCK", "c.mutex.Lock();"),
            encoding="utf-8")
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            self.assertEqual(run_tests.thread_safety_faults(), ["bad.cc"])
        self.assertIn("requires holding mutex 'c.mutex'", output.getvalue())

    def test_a_good_run_ends_with_its_count(self):
        code, lines = self.run_all()
        # Install, five parts, the two lists.
        self.assertEqual((code, lines[-1]), (0, "8 passed, 0 failed"))
        self.assertTrue(any(line.split() == ["asan", "0.0", "9"] for line in lines), lines)

    def test_a_failing_part_does_not_stop_the_next(self):
        self.parts["test_opt"] = Tally(failures=["//a:test Log.Bad"])
        code, lines = self.run_all()
        self.assertEqual((code, lines[-1]), (1, "7 passed, 1 failed"))

    def test_a_tool_that_fails_is_a_failure(self):
        self.parts["analyse"] = run_tests.subprocess.CalledProcessError(1, "git")
        self.assert_fails("analysis: Command 'git'")

    def test_fewer_cases_than_expected_is_a_failure(self):
        Path(run_tests.EXPECTED_MINIMUM).write_text("1000\n", encoding="utf-8")
        self.assert_fails("expected 1000")

    def test_a_missing_minimum_is_a_failure(self):
        Path(run_tests.EXPECTED_MINIMUM).unlink()
        self.assert_fails(run_tests.EXPECTED_MINIMUM)

    def test_an_unlisted_manual_test_is_a_failure(self):
        self.tagged["manual"] = ["//a:long"]
        self.assert_fails("//a:long is not listed")

    def test_an_unlisted_disabled_case_is_a_failure(self):
        self.parts["test_opt"] = Tally(passed=1, disabled=["Log.DISABLED_X"])
        self.assert_fails("Log.DISABLED_X is not listed")

    def test_a_part_past_twice_its_share_is_a_failure(self):
        self.assert_fails("install: took 16.1 minutes", install_seconds=16.1 * 60)

    def test_zero_cases_is_a_failure(self):
        with contextlib.redirect_stdout(io.StringIO()):
            self.assertEqual(run_tests.finish(Tally()), 1)

    def run_nightly(self, results, part=None, commit="abc"):
        """Returns the exit code, the last line and which tests were run."""
        self.tagged["nightly"] = ["//a:long", "//b:longer"]
        self.replace("commit", return_value=commit)
        test = self.replace("bazel_test", side_effect=results)
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            code = run_tests.run_nightly(part)
        return (code, output.getvalue().splitlines()[-1],
                [call.args[-1] for call in test.call_args_list])

    def test_nightly_goes_on_where_it_stopped(self):
        bad = Tally(failures=["//b:longer X"])
        self.assertEqual(self.run_nightly([Tally(passed=2), bad]),
                         (1, "2 passed, 1 failed", ["//a:long", "//b:longer"]))
        self.assertEqual(self.run_nightly([Tally(passed=3)]),
                         (0, "5 passed, 0 failed", ["//b:longer"]))
        self.assertEqual(self.run_nightly([]), (0, "5 passed, 0 failed", []))
        self.assertEqual(self.run_nightly([Tally(passed=2)] * 2, commit="def")[2],
                         ["//a:long", "//b:longer"])

    def test_nightly_remembers_nothing_of_uncommitted_changes(self):
        for _ in range(2):
            self.assertEqual(
                self.run_nightly([Tally(passed=1)] * 2, commit=None)[2],
                ["//a:long", "//b:longer"])

    def test_nightly_runs_one_part_by_name(self):
        self.assertEqual(self.run_nightly([Tally(passed=1)], part="longer"),
                         (0, "1 passed, 0 failed", ["//b:longer"]))
        self.assertEqual(self.run_nightly([], part="unknown"),
                         (1, "0 passed, 0 failed", []))


if __name__ == "__main__":
    cases.main()
