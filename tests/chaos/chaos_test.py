"""Rows of FAULTS' matrix against three real nodes (README.md).

KAPPA_SEED fixes values, victims and the order of draws; threads, nodes and the
network still run as they like.
"""

import os
import pathlib
import tempfile
import unittest

from tests.chaos import cluster
from tests.chaos import rows
from tests.chaos import run as runs
from tests.chaos import tally
from tests.python import cases

SEED = int(os.environ.get("KAPPA_SEED", "1"))
NODES = 3


class ChaosTest(unittest.TestCase):
    """One cluster serves all rows, a new one after a row that failed."""

    cluster = None
    tally = tally.Tally()

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(dir=os.environ.get("TEST_TMPDIR")))
        cls.addClassCleanup(cls.drop)

    @classmethod
    def drop(cls):
        if cls.cluster:
            cls.cluster.remove()
            cls.cluster = None

    def run_row(self, row):
        if self.cluster is None:
            cls = type(self)
            cls.cluster = cluster.Cluster(NODES, self.folder)
            cls.cluster.start()
        try:
            figures = runs.Run(self.cluster, row, self.folder, SEED,
                               rows.PARTITIONS.get(row, runs.PARTITIONS)).execute(rows.ROWS[row])
        except BaseException:
            self.drop()
            raise
        print(runs.line(figures), flush=True)
        self.tally.add(figures)

    def test_f1_leader_killed(self):
        self.run_row("F1")

    def test_f2_follower_killed(self):
        self.run_row("F2")

    def test_f3_all_killed(self):
        self.run_row("F3")

    def test_f4_power_cut(self):
        self.run_row("F4")

    def test_f5_part_kill(self):
        self.run_row("F5-part-kill")

    def test_f5_pause_kill(self):
        self.run_row("F5-pause-kill")

    def test_f6_paused_leader(self):
        self.run_row("F6")

    def test_f7_partitions(self):
        self.run_row("F7")

    def test_f8_bad_network(self):
        self.run_row("F8")

    def test_f10_wrong_clock(self):
        self.run_row("F10")

    def test_f11_disk_full(self):
        self.run_row("F11")

    def test_f14_damage(self):
        self.run_row("F14")

    def test_f18_disks_lost(self):
        self.run_row("F18")

    def test_f18_most_wiped(self):
        self.run_row("F18-most-wiped")

    def test_f21_rolling_restart(self):
        self.run_row("F21")

    def test_f23_transfer(self):
        self.run_row("F23")

    def test_z_nothing_is_vacuous(self):
        """The last one in the order of names."""
        print(self.tally.table(), flush=True)
        self.assertEqual(self.tally.zeros(), [])


if __name__ == "__main__":
    cases.main()
