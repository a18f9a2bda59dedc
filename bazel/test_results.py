"""Counts test cases from what Bazel recorded of one run.

The record is Bazel's build event file (JSON, one event a line): which tests
there were, how each ended and where its JUnit XML is. Every case in the XML
counts. Also a failed case: a test that could not be built or did not run, that
failed although its cases passed (a leak, a crash at exit, a timeout), that has
no cases, and a case that was skipped: a machine that lacks something must say
so, not pass.
"""

import json
import os
import urllib.parse
from dataclasses import dataclass, field
from xml.etree import ElementTree


@dataclass
class Tally:
    """What a run came to. `failures` and `disabled` hold names."""

    passed: int = 0
    failures: list = field(default_factory=list)
    disabled: list = field(default_factory=list)

    @property
    def failed(self):
        return len(self.failures)

    @property
    def cases(self):
        return self.passed + self.failed

    def add(self, other):
        self.passed += other.passed
        self.failures += other.failures
        self.disabled += other.disabled

    def check(self, name, faults):
        """Counts one case called `name`, failed if there are `faults`."""
        if faults:
            self.failures += [f"{name}: {'; '.join(faults)}"]
        else:
            self.passed += 1

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed"


def _case_name(case):
    suite, name = case.get("classname"), case.get("name", "?")
    return f"{suite}.{name}" if suite else name


def read_xml(label, path):
    """The tally of one test's JUnit XML file."""
    tally = Tally()
    try:
        cases = list(ElementTree.parse(path).iter("testcase"))
    except (OSError, ElementTree.ParseError) as error:
        tally.failures.append(f"{label}: no readable result file: {error}")
        return tally
    for case in cases:
        name = _case_name(case)
        if case.get("status") == "notrun":
            tally.disabled.append(name)
        elif case.find("skipped") is not None or case.get("result") == "skipped":
            skipped = case.find("skipped")
            why = skipped.get("message", "") if skipped is not None else ""
            tally.failures.append(f"{label} {name}: skipped: {' '.join(why.split())}")
        elif case.find("failure") is not None or case.find("error") is not None:
            tally.failures.append(f"{label} {name}")
        else:
            tally.passed += 1
    return tally


def _read_result(label, result):
    """The tally of one testResult event."""
    path = ""
    for output in result.get("testActionOutput", []):
        if output["name"] == "test.xml":
            path = urllib.parse.unquote(urllib.parse.urlparse(output["uri"]).path)
    tally = read_xml(label, path)
    status = result.get("status", "NO_STATUS")
    if status != "PASSED" and not tally.failures:
        tally.failures.append(f"{label}: {status}, although no case says so")
    if not tally.cases and not tally.disabled:
        tally.failures.append(f"{label}: has no test case")
    return tally


def read_events(path):
    """The tally of a whole run, from its build event file.

    A file that is missing or empty is no tests at all: the caller sees that
    from Bazel's exit code.
    """
    tests, results = set(), {}
    if os.path.exists(path):
        with open(path, encoding="utf-8") as events:
            for event in map(json.loads, events):
                identity = event["id"]
                if "testSize" in event.get("configured", {}):
                    tests.add(identity["targetConfigured"]["label"])
                if "testResult" in event:
                    key = identity["testResult"]
                    # Of several attempts the last one is reported last.
                    results[key["label"], key.get("run"), key.get("shard")] = (
                        event["testResult"])
    tally = Tally()
    for (label, _, _), result in sorted(results.items(), key=lambda item: item[0][0]):
        tally.add(_read_result(label, result))
    for label in sorted(tests - {key[0] for key in results}):
        tally.failures.append(f"{label}: could not be built or did not run")
    return tally


def read_list(path):
    """{name: reason} of a file of `name  reason` lines; # begins a comment."""
    reasons = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            name, _, reason = line.split("#", 1)[0].strip().partition(" ")
            if name:
                reasons[name] = reason.strip()
    return reasons


def check_disabled(disabled, manual, nightly, listed):
    """Faults of tests that do not run by themselves.

    Args:
      disabled: gtest cases that were not run.
      manual: labels of tests tagged `manual`.
      nightly: labels of tests tagged `nightly`.
      listed: {name: reason} of tests/disabled_tests.txt.
    """
    present = set(disabled) | set(manual)
    faults = [f"{name} is not listed" for name in sorted(present - set(listed))]
    faults += [f"{name} is listed but does not exist"
               for name in sorted(set(listed) - present)]
    faults += [f"{name} has no reason"
               for name, reason in sorted(listed.items()) if not reason]
    faults += [f"{name} is tagged nightly but not manual"
               for name in sorted(set(nightly) - set(manual))]
    faults += [f"{name} has the reason nightly but not the tag"
               for name, reason in sorted(listed.items())
               if reason == "nightly" and name not in nightly]
    return faults
