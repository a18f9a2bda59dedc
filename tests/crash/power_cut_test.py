"""Power cuts of a loaded node, again and again (RELIABILITY.md: "Faults").

First the test proves itself: a kappad that acknowledges before it syncs loses
batches, and the cuts show it.
"""

import os
import unittest

from tests.crash import crash_run
from tests.crash import power_disk
from tests.python import cases

SEED = os.environ.get("KAPPA_SEED", "cut")
CUTS = 100 if os.environ.get("KAPPA_NIGHTLY") else 10
DISK_BYTES = 512 * crash_run.MIB
CUTS_UNTIL_SEEN_MAX = 20


def early_binary():
    return os.path.join(os.environ["TEST_SRCDIR"], os.environ["TEST_WORKSPACE"],
                        "tests/crash/kappad_acknowledging_early")


class PowerCutTest(unittest.TestCase):
    def start(self, binary=None):
        disk = power_disk.PowerDisk(DISK_BYTES)
        self.addCleanup(disk.remove)
        run = crash_run.CrashRun(disk, SEED, binary)
        self.addCleanup(run.remove)
        run.begin()
        # Every second one may fall into the middle of a sync.
        return run, lambda number: disk.pull if number % 2 else disk.cut

    def test_nothing_acknowledged_is_lost(self):
        run, crash = self.start()
        for number in range(CUTS):
            run.crash_once(crash(number))
        run.end()
        print(f"{CUTS} power cuts, lost 0 of {run.report()} (KAPPA_SEED={SEED})")

    def test_acknowledging_before_the_sync_is_noticed(self):
        run, crash = self.start(early_binary())
        with self.assertRaisesRegex(crash_run.Violation, "acknowledged batch lost"):
            for number in range(CUTS_UNTIL_SEEN_MAX):
                run.crash_once(crash(number))
        print(f"a loss after {run.crashes} power cuts (KAPPA_SEED={SEED})")


if __name__ == "__main__":
    cases.main()
