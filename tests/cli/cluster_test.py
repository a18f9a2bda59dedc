"""`kappa cluster` with one node."""

import json
import os
import pty
import signal
import subprocess
import tempfile
import threading
import unittest

import grpc

from kappa.v1 import cluster_service_pb2 as cluster_pb2
from kappa.v1 import cluster_service_pb2_grpc
from tests.cli.kappa_program import DONE, ENVIRONMENT, KAPPA, NO_SERVER, REFUSED, WRONG_USAGE
from tests.cli.kappa_program import WAIT_SECONDS_MAX, any_disk, run
from tests.conformance import kappad
from tests.python import cases


class OneNodeTest(kappad.KappadTestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR"))
        cls.addClassCleanup(folder.cleanup)
        cls.arguments = ("--config", any_disk(folder.name))
        super().setUpClass()

    def kappa(self, *words, code=DONE):
        done = run("--server", self.server.address, *words)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout if code == DONE else done.stdout + done.stderr

    def create(self, name, partitions=1):
        self.kappa("topic", "create", name, "--partitions", partitions)
        self.kappa("offsets", name)  # wakes them

    def test_describes_the_node(self):
        self.create("described", partitions=4)
        told = json.loads(self.kappa("cluster", "describe", "-o", "json"))
        self.assertRegex(told["cluster_id"], "^[0-9a-f]{32}$")
        self.assertEqual(told["metadata"]["leader"], 1)
        self.assertEqual(told["metadata"]["voters"], [1])
        self.assertGreater(told["metadata"]["applied_index"], 0)
        [node] = told["nodes"]
        self.assertEqual((node["node"], node["state"]), (1, "answers"))
        self.assertEqual(node["address"], self.server.address)
        self.assertGreaterEqual(node["replicas"], 4)
        self.assertGreaterEqual(node["leads"], 4)
        table = self.kappa("cluster", "describe")
        self.assertIn("Metadata: led by node 1", table)
        self.assertRegex(table, rf"\n   1  answers +{self.server.address} ")

    def test_describes_partitions(self):
        self.create("parts", partitions=3)
        told = json.loads(self.kappa("cluster", "describe", "--topic", "parts", "-o", "json"))
        self.assertEqual([part["partition"] for part in told["partitions"]], [0, 1, 2])
        for part in told["partitions"]:
            self.assertEqual((part["leader"], part["voters"]), (1, [1]))
            self.assertEqual([r["activity"] for r in part["replicas"]], ["leads"])
        self.assertRegex(self.kappa("cluster", "describe", "--topic", "parts"),
                         r"\n +2 +1 +")
        self.assertIn("TOPIC_NOT_FOUND",
                      self.kappa("cluster", "describe", "--topic", "none", code=REFUSED))

    def test_pages_of_partitions(self):
        self.create("paged", partitions=5)
        stub = cluster_service_pb2_grpc.ClusterServiceStub(self.channel)
        request = cluster_pb2.DescribePartitionsRequest(topic="paged", page_size=2)
        sizes = []
        while True:
            page = stub.DescribePartitions(request, timeout=WAIT_SECONDS_MAX)
            sizes.append(len(page.partitions))
            request.page_token = page.next_page_token
            if not page.next_page_token:
                break
        self.assertEqual(sizes, [2, 2, 1])
        request.page_token = "damaged"
        with self.assertRaises(grpc.RpcError) as refused:
            stub.DescribePartitions(request, timeout=WAIT_SECONDS_MAX)
        self.assertEqual(refused.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)
        request = cluster_pb2.DescribePartitionsRequest(topic="paged", page_size=1001)
        with self.assertRaises(grpc.RpcError) as refused:
            stub.DescribePartitions(request, timeout=WAIT_SECONDS_MAX)
        self.assertIn("page_size", refused.exception.details())

    def test_health(self):
        self.create("healthy")
        told = json.loads(self.kappa("cluster", "health", "-o", "json"))
        self.assertEqual((told["healthy"], told["problems"], told["nodes_answering"]),
                         (True, [], 1))
        self.assertRegex(self.kappa("cluster", "health"),
                         r"^Healthy: 1 node answers, \d+ replicas\n$")

    def test_health_is_painted_on_a_terminal(self):
        leader, follower = pty.openpty()
        self.addCleanup(os.close, leader)
        done = subprocess.run([KAPPA, "--server", self.server.address, "cluster", "health"],
                              stdout=follower, env=ENVIRONMENT, timeout=WAIT_SECONDS_MAX,
                              check=True)
        os.close(follower)
        self.assertEqual(done.returncode, DONE)
        self.assertIn(b"\x1b[32mHealthy\x1b[0m", os.read(leader, 1000))

    def test_nobody_to_hand_over_to(self):
        self.create("alone")
        self.assertIn("TRANSFER_REFUSED",
                      self.kappa("cluster", "transfer", "alone", 0, code=REFUSED))
        self.assertIn("TRANSFER_REFUSED: node 9 has no voting replica",
                      self.kappa("cluster", "transfer", "alone", 0, "--to", 9, code=REFUSED))
        self.assertIn("TOPIC_NOT_FOUND", self.kappa("cluster", "transfer", "none", 0, code=REFUSED))
        self.assertIn("PARTITION_NOT_FOUND",
                      self.kappa("cluster", "transfer", "alone", 1, code=REFUSED))
        self.assertRegex(self.kappa("cluster", "transfer", "--metadata", "--to", 1),
                         r"^Node 1 leads the metadata in term \d+\.\n$")
        self.assertIn("TRANSFER_REFUSED: node 9 has no voting replica",
                      self.kappa("cluster", "transfer", "--metadata", "--to", 9, code=REFUSED))
        self.assertRegex(self.kappa("cluster", "transfer", "alone", 0, "--to", 1),
                         r"^Node 1 leads alone/0 in term \d+\.\n$")

    def test_watch_begins_with_everything_and_ends_by_a_signal(self):
        self.create("watched")
        with subprocess.Popen(
                [KAPPA, "--server", self.server.address, "cluster", "watch", "-o", "json"],
                stdout=subprocess.PIPE, text=True, env=ENVIRONMENT) as watch:
            self.addCleanup(watch.kill)
            seen = self.read_until(watch, lambda line: line.get("topic") == "watched")
            self.assertEqual(seen[0]["change"], "node_heard")
            self.assertTrue(all(line["initial"] for line in seen))
            self.assertEqual(seen[-1]["leader"], 1)
            self.create("watched-later")
            seen = self.read_until(watch, lambda line: line.get("topic") == "watched-later")
            self.assertFalse(seen[-1]["initial"])
            watch.send_signal(signal.SIGINT)
            self.assertEqual(watch.wait(WAIT_SECONDS_MAX), DONE)

    def read_until(self, process, wanted):
        """The lines up to the one that is wanted."""
        deadline = threading.Timer(WAIT_SECONDS_MAX, process.kill)
        deadline.start()
        self.addCleanup(deadline.cancel)
        lines = []
        for text in iter(process.stdout.readline, ""):
            lines.append(json.loads(text))
            if wanted(lines[-1]):
                deadline.cancel()
                return lines
        raise AssertionError(f"ended before the line that was wanted: {lines}")


class WithoutServerTest(unittest.TestCase):
    def test_exit_codes(self):
        for words, code in (
                (("cluster",), WRONG_USAGE),
                (("cluster", "describe", "-o", "xml"), WRONG_USAGE),
                (("cluster", "transfer"), WRONG_USAGE),
                (("cluster", "transfer", "t"), WRONG_USAGE),
                (("cluster", "transfer", "t", "0", "--metadata"), WRONG_USAGE),
                (("cluster", "transfer", "--metadata", "--to", "x"), WRONG_USAGE),
                (("cluster", "transfer", "t", "-1"), WRONG_USAGE),
                (("--server", "127.0.0.1:1", "cluster", "health"), NO_SERVER),
                (("--server", "127.0.0.1:1", "cluster", "describe"), NO_SERVER),
                (("--server", "127.0.0.1:1", "cluster", "watch"), NO_SERVER),
                (("cluster", "health", "--help"), DONE)):
            with self.subTest(words=words):
                done = run(*words)
                self.assertEqual(done.returncode, code, done.stdout + done.stderr)


if __name__ == "__main__":
    cases.main()
