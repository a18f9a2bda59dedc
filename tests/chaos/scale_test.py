"""The measurement of many partitions, with few of them (scale.sh has the goals)."""

import argparse
import unittest

from tests.chaos import scale
from tests.python import cases

# More than are woken at once.
PARTITIONS = 1500
UP = 200
NODES = 3


class ScaleTest(unittest.TestCase):
    """No time is asserted: what must happen, happens."""

    def test_small_version(self):
        figures = scale.measure_all(argparse.Namespace(
            nodes=NODES, partitions=PARTITIONS, kills=1, idle_seconds=1, up=UP,
            part=None, seed=1))
        at_rest = figures["many"]["at_rest"]
        pairs = {f"{a}-{b}" for a in range(1, NODES + 1) for b in range(1, NODES + 1) if a != b}
        self.assertEqual(at_rest["frames_per_s"].keys(), pairs)
        # A node hears others whatever its groups do; these sleep.
        self.assertGreater(min(at_rest["frames_per_s"].values()), 0)
        self.assertEqual(set(at_rest["group_messages_per_s"].values()), {0.0})
        self.assertGreater(min(at_rest["cpu_percent"]), 0)
        groups = figures["many"]["kills"][0]["groups"]
        self.assertIn(groups, (PARTITIONS // NODES, PARTITIONS // NODES + 1))


if __name__ == "__main__":
    cases.main()
