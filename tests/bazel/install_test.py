"""Installs the built programs under a temporary prefix and uses them there."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from tests.python import cases


class InstallTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.prefix = Path(folder.name) / "prefix"

    def install(self, prefix):
        return subprocess.run(
            ["bazel/install_files.sh", "server/kappad", "client/cli/kappa", prefix],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    def test_everything_is_in_place(self):
        done = self.install(self.prefix)
        self.assertEqual(done.returncode, 0, done.stderr)
        files = {str(path.relative_to(self.prefix))
                 for path in self.prefix.rglob("*") if path.is_file()}
        self.assertEqual(files, {
            "bin/kappa", "bin/kappad", "lib/systemd/system/kappad.service",
            "share/bash-completion/completions/kappa",
            "share/fish/vendor_completions.d/kappa.fish",
            "share/zsh/site-functions/_kappa",
        })
        for name in files:
            path = self.prefix / name
            self.assertGreater(path.stat().st_size, 0, name)
            self.assertEqual(os.access(path, os.X_OK), name.startswith("bin/"), name)
        subprocess.run([self.prefix / "bin/kappa", "version"], check=True)
        subprocess.run([self.prefix / "bin/kappad", "--help"], check=True)
        subprocess.run(
            ["bash", "-n", self.prefix / "share/bash-completion/completions/kappa"],
            check=True)

    def test_the_unit_names_the_installed_server(self):
        self.install(self.prefix)
        unit = (self.prefix / "lib/systemd/system/kappad.service").read_text(encoding="utf-8")
        self.assertIn(f"ExecStart={self.prefix}/bin/kappad ", unit)
        self.assertNotIn("@", unit)

    def test_installing_again_replaces(self):
        for _ in range(2):
            done = self.install(self.prefix)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_prefix_that_cannot_be_written_says_what_to_do(self):
        done = self.install("/proc/kappa")
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot write to /proc/kappa: run this with sudo", done.stderr)

    def test_a_relative_prefix_is_refused(self):
        done = self.install("here")
        self.assertEqual(done.returncode, 1)
        self.assertIn("must be an absolute path, not 'here'", done.stderr)


if __name__ == "__main__":
    cases.main()
