"""Runs a module's unittest cases and reports each of them to Bazel.

Ends a test file instead of unittest.main():

    if __name__ == "__main__":
        cases.main()

A skipped case is a failed one: a machine that lacks something must say so.
"""

import os
import sys
import time
import unittest
from xml.etree import ElementTree


class _Recorder(unittest.TextTestResult):
    def __init__(self, *args):
        super().__init__(*args)
        self.suite = ElementTree.Element("testsuite", name="python")
        self._start = 0.0
        self._faults = []

    def startTest(self, test):
        super().startTest(test)
        self._start = time.monotonic()
        self._faults = []

    def stopTest(self, test):
        super().stopTest(test)
        suite, _, name = test.id().rpartition(".")
        case = ElementTree.SubElement(
            self.suite, "testcase", classname=suite.rpartition(".")[2], name=name,
            time=f"{time.monotonic() - self._start:.3f}")
        for fault in self._faults:
            ElementTree.SubElement(case, "failure", message=fault)

    def addError(self, test, err):
        super().addError(test, err)
        self._faults.append(repr(err[1]))
        if not isinstance(test, unittest.TestCase):  # E.g. setUpClass.
            self.stopTest(test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._faults.append(repr(err[1]))

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._faults.append(f"{subtest}: {err[1]!r}")

    def addSkip(self, test, reason):
        self.addFailure(test, (AssertionError, AssertionError("skipped: " + reason), None))

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self._faults.append("expected to fail, but passed")


def main():
    """Runs the cases of __main__; exits 0 when there are some and all passed."""
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    runner = unittest.TextTestRunner(verbosity=2, resultclass=_Recorder)
    result = runner.run(suite)
    xml = os.environ.get("XML_OUTPUT_FILE")
    if xml:
        suites = ElementTree.Element("testsuites")
        suites.append(result.suite)
        ElementTree.ElementTree(suites).write(xml, encoding="utf-8")
    sys.exit(0 if result.wasSuccessful() and result.testsRun else 1)
