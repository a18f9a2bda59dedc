"""The clients of one run: a process per role, none of which a fault touches."""

import pathlib
import subprocess

from tests.chaos import cluster
from tests.chaos import feed
from tests.chaos import network

CLIENT = cluster.ROOT / "tests/chaos/chaos_client"
FINISH_SECONDS_MAX = 60
FINAL_SECONDS_MAX = 90

# Turns a second of each thread; together they set the load.
ROLES = (
    ("producer", 200),
    ("session", 200),
    ("stub", 60),  # two threads
    ("conditional", 50),  # two threads
    ("reader", 40),  # of polls and of ends
)


class Clients:
    """Appends to and reads from `topic`; histories go to `folder`."""

    def __init__(self, addresses, topic, partitions, folder, seed, rate=1.0):
        self._common = ["--nodes", ",".join(addresses), "--topic", topic,
                        "--partitions", str(partitions), "--seed", str(seed)]
        self._folder = pathlib.Path(folder)
        self._rate = rate
        self._processes = {}
        self.feed = None

    @property
    def log_path(self):
        return self._folder / "clients.log"

    def _spawn(self, role, number, rate):
        with open(self.log_path, "ab") as log:
            return subprocess.Popen(
                [*network.ENDS_WITH_US, CLIENT, role, *self._common, "--process", str(number),
                 "--rate", str(rate), "--history", self._folder / f"{role}.part"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)

    def start(self):
        for i, (role, rate) in enumerate(ROLES):
            self._processes[role] = self._spawn(role, 100 * (i + 1), rate * self._rate)
        self.feed = feed.Feed(process.stdout for process in self._processes.values())

    def stop(self):
        """Lets them finish; raises when one has not, or lost its history."""
        for process in self._processes.values():
            process.stdin.close()
        faults = []
        for role, process in self._processes.items():
            try:
                code = process.wait(FINISH_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                code = "nothing: it still runs"
            if code != 0:
                faults.append(f"{role} ended with {code}")
        if faults:
            self.kill()
            raise RuntimeError(f"{'; '.join(faults)}:\n{self.log()}")
        self.feed.join()

    def end(self):
        """After a failure: the histories are kept if they can be."""
        try:
            self.stop()
        except RuntimeError:
            self.kill()

    def kill(self):
        for process in self._processes.values():
            process.kill()
            process.wait()
        if self.feed:
            self.feed.join()

    def read_all_nodes(self):
        """Fresh clients read what every node holds."""
        process = self._spawn("final", 100 * (len(ROLES) + 1), 1)
        process.stdin.close()
        try:
            code = process.wait(FINAL_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            code = "nothing: it still ran"
        if code != 0:
            raise RuntimeError(f"final reads ended with {code}:\n{self.log()}")

    def parts(self):
        return sorted(self._folder.glob("*.part"))

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")[-4000:]
