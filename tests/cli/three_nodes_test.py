"""`kappa local` and `kappa cluster` with three real nodes."""

import json
import os
import pathlib
import signal
import subprocess
import threading
import time

from tests.cli.kappa_program import DONE, ENVIRONMENT, KAPPA, REFUSED, WAIT_SECONDS_MAX
from tests.cli.local_nodes import LocalNodesTestCase
from tests.process import test_ca
from tests.python import cases


class ThreeNodesTest(LocalNodesTestCase):
    def test_shows_what_happens_when_nodes_die_and_return(self):
        self.kappa("topic", "create", "orders", "--partitions", 6, "--replicas", 3)
        self.kappa("append", "orders", stdin="one\ntwo\n")
        self.assertEqual(self.await_healthy()["nodes_answering"], 3)
        told = json.loads(self.kappa("cluster", "describe", "-o", "json"))
        self.assertEqual([node["state"] for node in told["nodes"]], ["answers"] * 3)
        self.assertEqual([node["address"] for node in told["nodes"]],
                         [node["address"] for node in self.nodes])
        self.assertEqual([node["replicas"] for node in told["nodes"]], [6] * 3)
        self.assertEqual(sum(node["leads"] for node in told["nodes"]), 6)
        for part in self.partitions("orders"):
            self.assertEqual(part["voters"], [1, 2, 3])
            self.assertEqual(len(part["replicas"]), 3)

        with self.subTest("one is killed"):
            self.local("kill", 2)
            self.kappa("append", "orders", stdin="three\nfour\n")
            health = self.await_health(lambda health: any(
                problem["kind"] == "node_not_heard" and problem["told_by"] == [1, 3]
                for problem in health["problems"]))
            self.assertEqual([node["node"] for node in health["nodes_silent"]], [2])
            self.assertEqual([problem["nodes"] for problem in health["problems"]
                              if problem["kind"] == "node_not_heard"], [[2]])
            self.check_behind(2)

        with self.subTest("a second one is killed: no quorum"):
            self.local("kill", 3)
            health = self.await_health(lambda health: any(
                problem["kind"] == "no_quorum" and problem.get("topic") == "orders"
                for problem in health["problems"]))
            lost = [problem for problem in health["problems"] if problem["kind"] == "no_quorum"]
            self.assertEqual({tuple(problem["nodes"]) for problem in lost}, {(2, 3)})
            self.assertEqual({problem["partition"] for problem in lost
                              if problem["topic"] == "orders"}, set(range(6)))

        with self.subTest("all return"):
            self.local("up")
            self.await_healthy()
            self.check_nobody_behind()
            self.kappa("append", "orders", stdin="five\n")
            records = self.kappa("replay", "orders", "--to", "end", "-o", "raw").split()
            self.assertEqual(sorted(records),
                             ["five", "four", "one", "three", "two", "x" * 100_000])

    def check_behind(self, node):
        """The silent node's replicas lack what was appended meanwhile, and health
        tells how much that is."""
        self.kappa("append", "orders", stdin="x" * 100_000 + "\n")

        def behind(health):
            return [problem for problem in health["problems"]
                    if problem["kind"] == "replica_behind" and problem["topic"] == "orders"]

        health = self.await_health(lambda health: any(
            problem["bytes_behind"] >= 100_000 for problem in behind(health)))
        for problem in behind(health):
            self.assertEqual(problem["nodes"], [node])
            self.assertEqual(problem["activity"], "silent")
            self.assertGreater(problem["entries_behind"], 0)
        replicas = [replica for part in self.partitions("orders") for replica in part["replicas"]]
        self.assertTrue(any(replica["bytes_behind"] >= 100_000 for replica in replicas
                            if replica["node"] == node), replicas)

    def check_nobody_behind(self):
        for part in self.partitions("orders"):
            for replica in part["replicas"]:
                self.assertEqual((replica["entries_behind"], replica["bytes_behind"]), (0, 0))

    def test_hands_leadership_over(self):
        self.kappa("topic", "create", "moved", "--replicas", 3)
        self.kappa("append", "moved", stdin="one\n")
        self.await_healthy()
        for target in (1, 2, 3):
            out = self.kappa("cluster", "transfer", "moved", 0, "--to", target)
            self.assertRegex(out, rf"^Node {target} leads moved/0 in term \d+\.\n$")
        moved = json.loads(self.kappa("cluster", "transfer", "moved", 0, "-o", "json"))
        self.assertIn(moved["leader"], (1, 2))
        self.kappa("append", "moved", stdin="two\n")
        self.kappa("cluster", "transfer", "moved", 0, "--to", 4, code=REFUSED)
        for target in (2, 3):
            self.assertRegex(self.kappa("cluster", "transfer", "--metadata", "--to", target),
                             rf"^Node {target} leads the metadata in term \d+\.\n$")

    def test_watches(self):
        self.kappa("topic", "create", "watched", "--replicas", 3)
        self.kappa("append", "watched", stdin="one\n")
        self.await_healthy()
        self.kappa("cluster", "transfer", "watched", 0, "--to", 1)
        with subprocess.Popen([KAPPA, *self.access, "cluster", "watch", "-o", "json"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              env=ENVIRONMENT) as watch:
            self.addCleanup(watch.kill)
            self.read_until(watch, lambda line: line.get("topic") == "watched")
            self.kappa("cluster", "transfer", "watched", 0, "--to", 2)
            self.read_until(watch, lambda line: line["change"] == "leader" and
                            line["topic"] == "watched" and line["leader"] == 2)
            self.local("kill", 2)
            self.read_until(watch, lambda line: line["change"] == "node_lost" and
                            line["node"] == 2)
            self.local("up")
            self.read_until(watch, lambda line: line["change"] == "node_heard" and
                            line["node"] == 2)
            watch.send_signal(signal.SIGINT)
            _, err = watch.communicate(timeout=WAIT_SECONDS_MAX)
            self.assertEqual(watch.returncode, DONE, err)

    def read_until(self, process, wanted):
        deadline = threading.Timer(WAIT_SECONDS_MAX, process.kill)
        deadline.start()
        self.addCleanup(deadline.cancel)
        lines = []
        for text in iter(process.stdout.readline, ""):
            lines.append(json.loads(text))
            if wanted(lines[-1]):
                deadline.cancel()
                return
        raise AssertionError(f"ended before the line that was wanted: {lines}")


class ThreeNodesWithTlsTest(LocalNodesTestCase):
    up_arguments = ("--tls",)

    def test_serves_who_shows_a_certificate(self):
        self.kappa("topic", "create", "t", "--replicas", 3)
        self.kappa("append", "t", stdin="one\n")
        self.assertEqual(self.kappa("replay", "t", "--to", "end", "-o", "raw"), "one\n")
        self.await_healthy()
        self.local("restart", 1)
        self.await_healthy()

    def test_nodes_follow_new_certificates_and_no_append_fails(self):
        self.kappa("topic", "create", "t", "--replicas", 3)
        folder = pathlib.Path(self.folder, "c", "tls")
        trusted = folder / "node-ca.pem"
        other = test_ca.TestCa(folder, "other")
        sent = []
        with subprocess.Popen([KAPPA, *self.access, "append", "t"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              env=ENVIRONMENT) as append:
            self.addCleanup(append.kill)

            def send():
                for _ in range(100):
                    sent.append(f"r{len(sent)}")
                    append.stdin.write(sent[-1] + "\n")
                append.stdin.flush()

            send()
            put(trusted, trusted.read_bytes() + other.cert.read_bytes())
            for number in (1, 2, 3):
                send()
                for path, new in zip((folder / f"node-{number}.pem", folder / f"node-{number}.key"),
                                     other.issue(f"n{number}")):
                    put(path, new.read_bytes())
            put(trusted, other.cert.read_bytes())
            # Who starts now trusts nothing that was there at first.
            for number in (2, 3, 1):
                send()
                self.local("restart", number)
                self.await_healthy()
            send()
            _, err = append.communicate(timeout=WAIT_SECONDS_MAX)
            self.assertEqual(append.returncode, DONE, err)
        records = self.kappa("replay", "t", "--to", "end", "-o", "raw").split()
        self.assertEqual(records, sent)


def put(path, content):
    """In one step."""
    new = path.with_suffix(".new")
    new.write_bytes(content)
    os.replace(new, path)


if __name__ == "__main__":
    cases.main()
