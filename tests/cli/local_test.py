"""`kappa local`: real processes, started, hurt and ended by the command line."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import unittest

from tests.cli.kappa_program import DONE, KAPPAD, NO_SERVER, REFUSED, WRONG_USAGE
from tests.cli.kappa_program import any_disk, free_base_port, run
from tests.python import cases


def runs(pid):
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


class LocalTestCase(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(dir=os.environ.get("TEST_TMPDIR"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.dir = os.path.join(self.folder, "cluster")
        self.addCleanup(self.down)
        self.base = free_base_port()

    def down(self):
        if os.path.exists(os.path.join(self.dir, "local.json")):
            self.local("down")

    def local(self, command, *words, code=DONE, before=()):
        done = run("local", command, *before, "--data-dir", self.dir, *words)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def up(self, *words, nodes=1, code=DONE, kappad=()):
        return self.local("up", "--nodes", nodes, "--base-port", self.base, "--kappad", KAPPAD,
                          *words, "--", "--config", any_disk(self.folder), *kappad, code=code)

    def nodes(self):
        return json.loads(self.local("status", "-o", "json"))["nodes"]

    def states(self):
        return [node["state"] for node in self.nodes()]

    def pid(self, node=1):
        return self.nodes()[node - 1]["pid"]

    def check_no_cluster(self):
        self.assertFalse(os.path.exists(os.path.join(self.dir, "local.json")))


class OneNodeTest(LocalTestCase):
    def test_life_of_a_node(self):
        out = self.up()
        server = f"127.0.0.1:{self.base}"
        self.assertRegex(out, rf" 1 +serving +\d+ +{server} +127.0.0.1:{self.base + 100} "
                              rf"+http://127.0.0.1:{self.base + 200}/metrics\n")
        self.assertIn(f"--server {server}\n", out)
        created = run("--server", server, "topic", "create", "t")
        self.assertEqual(created.returncode, DONE, created.stderr)
        first = self.pid()

        with self.subTest("up again starts nothing"):
            self.up()
            self.local("up")
            self.assertEqual(self.pid(), first)

        with self.subTest("a paused node goes on"):
            self.local("pause", before=("1",))
            self.assertEqual(self.states(), ["paused"])
            self.local("resume", before=("1",))
            self.assertEqual(self.states(), ["serving"])
            self.local("pause", before=("1",))
            self.local("up")
            self.assertEqual(self.states(), ["serving"])
            self.assertEqual(self.pid(), first)

        with self.subTest("a killed node is started by up"):
            self.local("kill", before=("1",))
            self.assertFalse(runs(first))
            self.assertEqual(self.states(), ["stopped"])
            self.assertIn("does not run", self.local("kill", code=REFUSED, before=("1",)))
            self.local("up")
            second = self.pid()
            self.assertNotEqual(second, first)

        with self.subTest("a restart is a clean end and a start"):
            self.local("restart", before=("1",))
            self.assertFalse(runs(second))
            third = self.pid()
            self.assertTrue(runs(third))
            listed = run("--server", server, "topic", "list", "-o", "json")
            self.assertEqual([t["name"] for t in json.loads(listed.stdout)], ["t"])
            log = pathlib.Path(self.dir, "node-1.log").read_text()
            self.assertEqual(log.count("kappad starts"), 3)
            self.assertIn("ended", log)

        with self.subTest("down ends also what is paused"):
            self.local("pause", before=("1",))
            self.assertIn("Ended 1 node", self.local("down"))
            self.assertFalse(runs(third))
            self.assertEqual(self.states(), ["stopped"])
            self.assertIn("No node runs", self.local("down"))

    def test_tls(self):
        self.up("--tls")
        report = json.loads(self.local("status", "-o", "json"))
        trust = ("--server", report["server"], "--tls-ca", report["tls"]["ca"])
        known = ("--tls-cert", report["tls"]["cert"], "--tls-key", report["tls"]["key"])
        self.assertEqual(run(*trust, *known, "topic", "list").returncode, DONE)
        self.assertEqual(run(*trust, "topic", "list").returncode, NO_SERVER)
        self.assertIn(f"--tls-ca {report['tls']['ca']}", self.local("status"))
        self.assertEqual(os.stat(os.path.join(self.dir, "tls")).st_mode & 0o777, 0o700)

    def test_a_later_process_with_the_same_number_is_left_alone(self):
        self.up()
        self.local("kill", before=("1",))
        with subprocess.Popen(["sleep", "1000"]) as other:
            self.addCleanup(other.kill)
            path = pathlib.Path(self.dir, "local.json")
            state = json.loads(path.read_text())
            state["nodes"][0]["pid"] = other.pid
            path.write_text(json.dumps(state))
            self.assertEqual(self.states(), ["stopped"])
            for command in ("kill", "pause", "resume"):
                self.assertIn("does not run", self.local(command, code=REFUSED, before=("1",)))
            self.local("down")
            self.assertIsNone(other.poll())
            other.kill()


class RefusedTest(LocalTestCase):
    def test_a_port_that_is_taken_is_named_and_nothing_runs(self):
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(("127.0.0.1", self.base + 202))
            other.listen()
            out = self.up(nodes=3, code=REFUSED)
        self.assertIn(f"port {self.base + 202}, where node 3 serves metrics", out)
        self.assertIn("--base-port", out)
        self.check_no_cluster()

    def test_a_node_that_ends_at_once_shows_its_log(self):
        out = self.up(kappad=["--no-such-flag"], code=REFUSED)
        self.assertIn("node 1 ended", out)
        self.assertIn("no-such-flag", out)
        self.assertEqual(self.states(), ["stopped"])
        with self.subTest("other arguments replace them"):
            self.up(kappad=["--log-level", "debug"])
            self.assertEqual(self.states(), ["serving"])

    def test_no_program(self):
        out = self.local("up", "--kappad", "/no/such/kappad", code=REFUSED)
        self.assertIn("/no/such/kappad", out)
        self.assertIn("--kappad", out)
        self.check_no_cluster()

    def test_wrong_usage(self):
        self.assertIn("kappa local up", self.local("status", code=REFUSED))
        self.local("up", "--nodes", 0, code=WRONG_USAGE)
        self.local("up", "--nodes", 101, code=WRONG_USAGE)
        self.local("up", "--base-port", 65_500, code=WRONG_USAGE)
        self.assertEqual(run("local", "up").returncode, WRONG_USAGE)
        self.assertEqual(run("local").returncode, WRONG_USAGE)
        self.up()
        self.assertIn("no node 2", self.local("kill", code=WRONG_USAGE, before=("2",)))
        for words in (("--nodes", 3), ("--base-port", self.base + 1), ("--tls",)):
            self.assertIn("cannot be changed", self.local("up", *words, code=WRONG_USAGE))
        pathlib.Path(self.dir, "local.json").rename(self.folder + "/kept")
        pathlib.Path(self.dir, "local.json").write_text("{}")
        self.assertIn("local.json", self.local("status", code=WRONG_USAGE))
        pathlib.Path(self.folder, "kept").rename(self.dir + "/local.json")


if __name__ == "__main__":
    cases.main()
