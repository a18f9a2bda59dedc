"""The long version: soaks of three and of five nodes (README.md).

KAPPA_NIGHTLY_MINUTES is how long all of it takes, KAPPA_SEED the first seed; a
failed run says how to repeat it.
"""

import argparse
import os
import pathlib
import tempfile
import time
import unittest

from tests.chaos import soak
from tests.python import cases

MINUTES = float(os.environ.get("KAPPA_NIGHTLY_MINUTES", "120"))
SEED = int(os.environ.get("KAPPA_SEED", time.time()))
# As much as a machine with two cores takes.
RATE = 20


class SoakNightlyTest(unittest.TestCase):
    def soak(self, nodes, minutes):
        folder = os.environ.get("TEST_UNDECLARED_OUTPUTS_DIR") or tempfile.mkdtemp()
        soaking = soak.Soak(argparse.Namespace(
            minutes=minutes, runs=None, seed=SEED, row=None, nodes=nodes, rate=RATE,
            output=pathlib.Path(folder)))
        soaking.run()
        print(soak.report(soaking), soaking.tally.table(), sep="\n", flush=True)
        self.assertEqual(soaking.failures, [])
        self.assertEqual(soaking.tally.zeros(), [])

    def test_three_nodes(self):
        self.soak(3, MINUTES * 2 / 3)

    def test_five_nodes(self):
        self.soak(5, MINUTES / 3)


if __name__ == "__main__":
    cases.main()
