"""A short pass of the comparison over Kappa alone: it runs, and fills every row.

Nothing timed is asserted.
"""

import json
import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock
from xml.etree import ElementTree

from tests.performance.compare import main
from tests.performance.compare import rows
from tests.python import cases


class SmokeTest(unittest.TestCase):
    def test_every_row_is_measured(self):
        with tempfile.TemporaryDirectory() as folder:
            arguments = ["compare", "--bin", ".", "--peers", ".", "--out", folder, "--smoke"]
            with mock.patch("sys.argv", arguments):
                self.assertEqual(main.main(), 0)
            result = json.loads((Path(folder) / "result.json").read_text(encoding="utf-8"))
            kappa = result["rounds"]["1"]["kappa"]
            for row in rows.ROWS:
                self.assertIn(row.name, kappa)
                self.assertIn(row.figure, kappa[row.name])
            self.assertGreater(kappa["replay"]["mb_per_s"], 0)
            ElementTree.parse(Path(folder) / "result.svg")
            self.assertNotIn("kappa-compare", " ".join(os.listdir(folder)))


if __name__ == "__main__":
    cases.main()
