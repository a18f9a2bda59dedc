"""Nodes whose disk is gone, or not mounted, come back with an empty directory."""

import shutil
import subprocess
import time

from tests.cli.kappa_program import ENVIRONMENT, KAPPA, REFUSED, WAIT_SECONDS_MAX
from tests.cli.local_nodes import LocalNodesTestCase
from tests.python import cases

AT_ONCE = ("--replace-after-seconds", 0)


class ReplacedDiskTestCase(LocalNodesTestCase):
    kappad_arguments = AT_ONCE

    def await_log(self, number, text, times=1):
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while self.log(number).count(text) < times:
            self.assertLess(time.monotonic(), deadline, self.log(number)[-4000:])

    def begin_restart(self, number):
        """Of a node that will not serve for a while; `kappa` waits for that."""
        start = subprocess.Popen(
            [KAPPA, "local", "restart", str(number), "--data-dir", self.folder + "/c"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=ENVIRONMENT)
        self.addCleanup(start.wait)
        self.addCleanup(start.kill)
        return start

    def await_taken_in(self, number, times=1):
        self.await_log(number, "joined the cluster", times)

    def await_rebuilt(self, number, topic, partitions):
        """Until its replicas vote and hold what the others do."""
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while not (self.health()["healthy"] and self.holds(number, topic) == partitions):
            self.assertLess(time.monotonic(), deadline, self.health())

    def holds(self, number, topic):
        return sum(number in part["voters"] and not part["learners"] and any(
            replica["node"] == number and replica["entries_behind"] == 0
            for replica in part["replicas"]) for part in self.partitions(topic))

    def records(self, topic):
        return self.kappa("replay", topic, "--to", "end", "-o", "raw").split()


class WithTlsTest(ReplacedDiskTestCase):
    """What a node on an empty disk asks others goes over mutual TLS, too."""

    up_arguments = ("--tls",)

    def test_a_wiped_node_takes_its_former_place(self):
        self.kappa("topic", "create", "t", "--partitions", 3, "--replicas", 3)
        self.kappa("append", "t", stdin="one\ntwo\n")
        self.await_healthy()
        self.local("kill", 2)
        shutil.rmtree(self.directory(2))
        self.kappa("append", "t", stdin="three\n")
        self.local("restart", 2)
        self.await_taken_in(2)
        self.await_rebuilt(2, "t", 3)
        # From now on it is half of the only majority.
        self.local("kill", 1)
        self.kappa("append", "t", stdin="four\nfive\n")
        self.assertEqual(sorted(self.records("t")), ["five", "four", "one", "three", "two"])


class StillNeededTest(ReplacedDiskTestCase):
    """A topic on three of five nodes, one of which has lost its disk while another
    was away: the third and the one that was away are its only majority."""

    count = 5

    def test_a_disk_that_a_group_needs_is_not_given_up(self):
        self.kappa("topic", "create", "t", "--replicas", 3)
        self.kappa("append", "t", stdin="one\n")
        self.await_healthy()
        wiped, away, left = self.partitions("t")[0]["voters"]
        # Only a node with a replica knows where the group stands.
        self.kappa("cluster", "transfer", "--metadata", "--to", left)
        self.local("kill", away)
        self.local("kill", wiped)
        shutil.rmtree(self.directory(wiped))
        self.local("restart", wiped)
        # Its former disk is lost, and nothing is decided by that.
        self.await_taken_in(wiped)

        # Its disk is not mounted.
        self.directory(away).rename(self.folder + "/kept")
        start = self.begin_restart(away)
        refused = f"the former disk of node {away} keeps its place, it may be needed"
        health = self.await_health(lambda health: any(
            refused in problem["message"] for problem in health["problems"]))
        waits = [problem for problem in health["problems"] if problem["kind"] == "node_waits"]
        self.assertEqual([problem["nodes"] for problem in waits], [[away]])
        self.assertIn(f"the replicas of node {wiped} are still being replaced or moved in t/0",
                      waits[0]["message"])
        self.assertIn(["no_quorum", "t", [away]], [
            [problem["kind"], problem.get("topic"), problem["nodes"]]
            for problem in health["problems"]])
        self.assertNotIn("joined the cluster", self.log(away))

        # Now it is: the group goes on, and the first one is rebuilt.
        self.local("kill", away)
        self.assertEqual(start.wait(WAIT_SECONDS_MAX), REFUSED)
        shutil.rmtree(self.directory(away))
        shutil.move(self.folder + "/kept", self.directory(away))
        self.local("restart", away)
        self.await_rebuilt(wiped, "t", 1)
        self.kappa("append", "t", stdin="two\n")

        # Nothing needs that disk any more.
        self.local("kill", away)
        shutil.rmtree(self.directory(away))
        self.local("restart", away)
        self.await_taken_in(away)
        self.await_rebuilt(away, "t", 1)
        self.local("kill", left)
        self.kappa("append", "t", stdin="three\n")
        self.assertEqual(self.records("t"), ["one", "two", "three"])


if __name__ == "__main__":
    cases.main()
