"""A cluster of real nodes made by `kappa local`, for each case of a test anew."""

import json
import os
import pathlib
import shutil
import tempfile
import time
import unittest

from tests.cli.kappa_program import DONE, KAPPAD, REFUSED, WAIT_SECONDS_MAX
from tests.cli.kappa_program import any_disk, free_base_port, run


class LocalNodesTestCase(unittest.TestCase):
    count = 3
    up_arguments = ()
    kappad_arguments = ()

    def setUp(self):
        self.folder = tempfile.mkdtemp(dir=os.environ.get("TEST_TMPDIR"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.addCleanup(self.local, "down")
        self.local("up", "--nodes", self.count, "--base-port", free_base_port(self.count),
                   "--kappad", KAPPAD, *self.up_arguments,
                   "--", "--config", any_disk(self.folder), *self.kappad_arguments)
        report = json.loads(self.local("status", "-o", "json"))
        self.nodes = report["nodes"]
        self.assertEqual([node["state"] for node in self.nodes], ["serving"] * self.count)
        self.access = ["--server", report["server"]]
        for name, path in report.get("tls", {}).items():
            self.access += [f"--tls-{name}", path]

    def local(self, command, *words):
        done = run("local", command, "--data-dir", self.folder + "/c", *words)
        self.assertEqual(done.returncode, DONE, done.stdout + done.stderr)
        return done.stdout

    def directory(self, number):
        """Of node `number`, from 1."""
        return pathlib.Path(self.folder, "c", f"node-{number}")

    def log(self, number):
        return self.directory(number).with_suffix(".log").read_text(encoding="utf-8")

    def kappa(self, *words, code=DONE, stdin=""):
        done = run(*self.access, *words, stdin=stdin)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout

    def health(self):
        done = run(*self.access, "cluster", "health", "-o", "json")
        health = json.loads(done.stdout)
        self.assertEqual(done.returncode, DONE if health["healthy"] else REFUSED, done.stderr)
        return health

    def await_health(self, holds):
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while not holds(health := self.health()):
            self.assertLess(time.monotonic(), deadline, health)
        return health

    def await_healthy(self):
        return self.await_health(lambda health: health["healthy"])

    def partitions(self, topic):
        told = self.kappa("cluster", "describe", "--topic", topic, "-o", "json")
        return json.loads(told)["partitions"]
