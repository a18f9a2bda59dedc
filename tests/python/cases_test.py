"""Runs a module of good and bad cases in a process of its own."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from xml.etree import ElementTree

from tests.python import cases

MODULE = """
import unittest
from tests.python import cases

class ExampleTest(unittest.TestCase):
    def test_good(self):
        pass

    def test_bad(self):
        self.assertEqual(1, 2)

    def test_error(self):
        raise OSError("no device")

    def test_skipped(self):
        self.skipTest("no root")

    def test_subtests(self):
        for value in (1, 2):
            with self.subTest(value=value):
                self.assertEqual(value, 1)

class BrokenTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise OSError("no loop device")

    def test_never_runs(self):
        pass

cases.main()
"""


class CasesTest(unittest.TestCase):
    def run_module(self, text):
        """Returns the exit code and {case: its failures} of `text`."""
        with tempfile.TemporaryDirectory() as folder:
            module = Path(folder) / "module.py"
            module.write_text(text, encoding="utf-8")
            xml = Path(folder) / "test.xml"
            done = subprocess.run(
                [sys.executable, str(module)], capture_output=True, check=False,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path),
                     "XML_OUTPUT_FILE": str(xml)})
            found = {
                case.get("name"): [fault.get("message") for fault in case]
                for case in ElementTree.parse(xml).iter("testcase")
            }
            return done.returncode, found

    def test_every_case_is_reported(self):
        code, found = self.run_module(MODULE)
        self.assertEqual(code, 1)
        self.assertEqual(found["test_good"], [])
        self.assertIn("1 != 2", found["test_bad"][0])
        self.assertIn("no device", found["test_error"][0])
        self.assertIn("skipped: no root", found["test_skipped"][0])
        self.assertEqual(len(found["test_subtests"]), 1)
        self.assertTrue(
            any("no loop device" in fault for faults in found.values() for fault in faults))

    def test_only_good_cases_exit_0(self):
        good = MODULE[:MODULE.index("    def test_bad")] + "cases.main()\n"
        self.assertEqual(self.run_module(good), (0, {"test_good": []}))

    def test_no_cases_is_a_failure(self):
        code, found = self.run_module("from tests.python import cases\ncases.main()\n")
        self.assertEqual((code, found), (1, {}))


if __name__ == "__main__":
    cases.main()
