"""kill -9 of a loaded node, again and again (RELIABILITY.md: "Faults").

The kernel keeps what the process had written: this shows what the process
itself must not lose, not that anything was synced. power_cut_test.py does.
"""

import os
import pathlib
import unittest

from tests.conformance import kappad
from tests.crash import crash_run
from tests.crash import power_disk
from tests.python import cases

SEED = os.environ.get("KAPPA_SEED", "kill")
KILLS = 100 if os.environ.get("KAPPA_NIGHTLY") else 10


class KillTest(unittest.TestCase):
    def test_nothing_acknowledged_is_lost(self):
        disk = power_disk.PlainDisk(pathlib.Path(os.environ["TEST_TMPDIR"]) / "disk")
        self.addCleanup(disk.remove)
        run = crash_run.CrashRun(disk, SEED)
        self.addCleanup(run.remove)
        run.begin()
        for _ in range(KILLS):
            run.crash_once(kappad.Kappad.kill)
        run.end()
        print(f"{KILLS} kills, lost 0 of {run.report()} (KAPPA_SEED={SEED})")


if __name__ == "__main__":
    cases.main()
