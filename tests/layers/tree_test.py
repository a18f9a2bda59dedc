"""Checks the layer rules on the working tree itself.

Runs outside any copy of the tree: its rule is tagged so that it always does.
"""

import subprocess
import unittest
from pathlib import Path

from tests.layers import layers
from tests.python import cases

# The files of a test are links into the working tree.
ROOT = Path("WORKSPACE").resolve().parent


def tree_files():
    """Every file that is, or could be, committed."""
    listing = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT),
         "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True, capture_output=True, text=True,
    ).stdout
    return [path for path in listing.split("\0") if (ROOT / path).is_file()]


class TreeTest(unittest.TestCase):
    def test_no_layer_rule_is_broken(self):
        files = tree_files()
        self.assertGreater(len(files), 20)
        found = layers.breaches(ROOT, files)
        self.assertEqual(found, [], "\n" + "\n".join(found))


if __name__ == "__main__":
    cases.main()
