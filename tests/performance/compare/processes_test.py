"""Clients of a comparison end together."""

import signal
import subprocess
import time
import unittest
from unittest import mock

from tests.performance.compare import main
from tests.performance.compare import processes
from tests.python import cases

POPEN = subprocess.Popen


class ProcessesTest(unittest.TestCase):
    def test_when_one_fails_the_others_are_killed(self):
        runs = processes.start_all([["false"], ["sleep", "60"]], 60)
        begin = time.monotonic()
        with self.assertRaisesRegex(RuntimeError, "false.*ended with 1"):
            processes.finish_all(runs)
        self.assertLess(time.monotonic() - begin, 30)
        processes.kill_all(runs)  # again: they are gone

    def test_when_one_does_not_start_none_is_left(self):
        started = []

        def start(*words, **options):
            started.append(POPEN(*words, **options))
            return started[-1]

        with mock.patch.object(processes.subprocess, "Popen", start):
            with self.assertRaises(FileNotFoundError):
                processes.start_all([["sleep", "60"], ["/no/such/program"]], 60)
        self.assertEqual([process.returncode for process in started], [-signal.SIGKILL])

    def test_all_are_finished_in_their_order(self):
        runs = processes.start_all([["echo", "a"], ["echo", "b"]], 60)
        self.assertEqual([output.text for output in processes.finish_all(runs)],
                         ["a\n", "b\n"])

    def test_a_folder_in_memory_is_refused(self):
        with self.assertRaisesRegex(SystemExit, "/dev/shm is on tmpfs"):
            main.check_on_disk("/dev/shm")


if __name__ == "__main__":
    cases.main()
