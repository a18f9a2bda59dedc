"""Changes a copy of the protos and asks `buf breaking` about it."""

import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from tests.python import cases

# The files of a test are links into the working tree.
ROOT = Path("WORKSPACE").resolve().parent
FIELD = re.compile(r"^  \w[\w.]* (\w+) = \d+;\n", re.MULTILINE)


class BufBreakingTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.protos = Path(folder.name) / "proto"
        shutil.copytree(ROOT / "proto", self.protos,
                        ignore=shutil.ignore_patterns("*.h", "*.cc", "BUILD"))
        self.record = self.protos / "kappa/v1/record.proto"

    def breaking(self):
        """Returns the exit code and the output of buf."""
        done = subprocess.run(
            [ROOT / "bazel/buf/buf.sh", "breaking", self.protos,
             "--against", ROOT / "proto/baseline.binpb"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, check=False)
        return done.returncode, done.stdout

    def change(self, edit):
        text = self.record.read_text(encoding="utf-8")
        changed = edit(text)
        self.assertNotEqual(text, changed)
        self.record.write_text(changed, encoding="utf-8")

    def test_the_protos_as_they_are_break_nothing(self):
        self.assertEqual(self.breaking(), (0, ""))

    def test_a_removed_field_is_caught(self):
        name = FIELD.search(self.record.read_text(encoding="utf-8")).group(1)
        self.change(lambda text: FIELD.sub("", text, count=1))
        code, output = self.breaking()
        self.assertNotEqual(code, 0)
        self.assertIn("Previously present field", output)
        self.assertIn(f'"{name}"', output)

    def test_a_renumbered_field_is_caught(self):
        self.change(lambda text: FIELD.sub(
            lambda field: re.sub(r"= \d+", "= 18000", field.group()), text, count=1))
        code, output = self.breaking()
        self.assertNotEqual(code, 0)
        self.assertIn("Previously present field", output)

    def test_an_added_field_is_accepted(self):
        self.change(lambda text: FIELD.sub(
            lambda field: field.group() + "  bool added_later = 18000;\n", text, count=1))
        self.assertEqual(self.breaking(), (0, ""))


if __name__ == "__main__":
    cases.main()
