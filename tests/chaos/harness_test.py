"""The chaos tests themselves: on one node, and that they can fail."""

import json
import os
import pathlib
import tempfile
import unittest
from unittest import mock

from tests.chaos import cluster
from tests.chaos import network
from tests.chaos import rows
from tests.chaos import run as runs
from tests.python import cases

SEED = int(os.environ.get("KAPPA_SEED", "1"))
CUTS_UNTIL_SEEN_MAX = 10


def remove_record(lines):
    """A node has lost what stood at the end of its log."""
    for i in reversed(range(len(lines))):
        if lines[i]["type"] == "final" and lines[i].get("batches"):
            lines[i]["batches"].pop()
            return
    raise AssertionError("no final read has a batch")


def swap_values(lines):
    """Two records of one final read have changed places."""
    for line in lines:
        batches = line.get("batches", []) if line["type"] == "final" else []
        if len(batches) > 1:
            first, second = batches[0]["values"], batches[1]["values"]
            first[0], second[0] = second[0], first[0]
            return
    raise AssertionError("no final read has two batches")


def forget_answer(lines):
    """What was acknowledged is said to have failed."""
    appends = {line["op"] for line in lines
               if line["type"] == "invoke" and line["kind"] == "append"}
    for line in lines:
        if line["type"] == "ok" and line["op"] in appends:
            for field in ("offset", "append_time_us", "chain"):
                line.pop(field, None)
            line["type"] = "fail"
            return
    raise AssertionError("no append was acknowledged")


class HarnessTest(unittest.TestCase):
    def start(self, binary=cluster.KAPPAD):
        folder = pathlib.Path(tempfile.mkdtemp(dir=os.environ.get("TEST_TMPDIR")))
        one = cluster.Cluster(1, folder, binary)
        self.addCleanup(one.remove)
        one.start()
        return one, folder

    def test_one_node_keeps_what_it_acknowledged(self):
        one, folder = self.start()
        for name, fault in (("f3", rows.f3_all_killed), ("f6", rows.f6_paused_leader)):
            figures = runs.Run(one, name, folder, SEED).execute(fault)
            print(runs.line(figures), flush=True)
            self.assertGreater(figures["outcomes"]["read"], 0)
        run = runs.Run(one, "f4", folder, SEED)
        print(runs.line(run.execute(rows.f4_power_cut, keep=True)), flush=True)
        self.tamper(run)

    def tamper(self, run):
        text = run.history().read_text(encoding="utf-8").splitlines()
        for change, names in ((remove_record, {"gap"}),
                              (swap_values, {"inconsistent-offset", "never-appended", "order"}),
                              (forget_answer, {"false-failure"})):
            with self.subTest(change.__name__):
                lines = [json.loads(line) for line in text]
                change(lines)
                path = run.folder / change.__name__
                path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
                self.assertTrue(names & runs.check(path)["counts"].keys())

    def test_acknowledging_before_the_sync_is_noticed(self):
        one, folder = self.start(cluster.EARLY)
        cuts = 0
        with self.assertRaisesRegex(runs.Failed, "lost-write|never-seen|inconsistent-offset"):
            for cuts in range(1, CUTS_UNTIL_SEEN_MAX + 1):
                runs.Run(one, f"early-{cuts}", folder, SEED).execute(rows.f4_power_cut)
        print(f"a loss was seen in run {cuts} (KAPPA_SEED={SEED})")

    def test_says_what_is_missing(self):
        with mock.patch("os.geteuid", return_value=1000), \
                mock.patch("shutil.which", lambda name, **_: None if name == "nft" else name):
            with self.assertRaisesRegex(network.Missing, "root, the program nft"):
                network.require()


if __name__ == "__main__":
    cases.main()
