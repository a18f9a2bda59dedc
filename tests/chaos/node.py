"""One kappad in a network namespace and on a disk of its own."""

import os
import pathlib
import shutil
import signal
import subprocess
import time
import urllib.request

import grpc

from tests.crash import power_disk
from tests.process import loop_disk
from tests.chaos import network

CLIENT_PORT = 7400
PEER_PORT = 7500
METRICS_PORT = 7600
DISK_BYTES = 1024 * loop_disk.MIB
# Of a full disk; the ballast comes to it.
LEFT_BYTES = 64 * loop_disk.MIB
SERVE_SECONDS_MAX = 60
STOP_SECONDS_MAX = 30
METRICS_SECONDS_MAX = 5

# Small, so that segments are sealed and the log is switched during a run.
CONFIG = """memory: 128MiB
segment_size: 20MiB
insecure_allow_remote: true
"""
NO_LIMITS = """disk_low: 0
disk_critical: 0
disk_ballast: 0
"""
LIMITS = """disk_low: 160MiB
disk_critical: 96MiB
disk_ballast: 64MiB
"""

# gRPC's own waits would be longer than a row.
CHANNEL_OPTIONS = (
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 200),
    ("grpc.enable_http_proxy", 0),
)

_FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"


class Node:
    """`number` from 1; `folder` gets its configuration and its log."""

    def __init__(self, number, net, peers, binary, folder):
        self.number = number
        self.name = f"n{number}"
        self.address = f"{network.address(number)}:{CLIENT_PORT}"
        self.metrics_address = f"{network.address(number)}:{METRICS_PORT}"
        self.process = None
        self.clock_faked = False
        self._binary = binary
        self._net = net
        self.log_path = pathlib.Path(folder) / f"{self.name}.log"
        self._clock_path = pathlib.Path(folder) / f"{self.name}.clock"
        self._config_path = pathlib.Path(folder) / f"{self.name}.yaml"
        self.disk = power_disk.PowerDisk(DISK_BYTES)
        lines = CONFIG + f'metrics_listen: "{self.metrics_address}"\n'
        if len(peers) > 1:
            # Its disk is mounted, or lost.
            lines += (f'node_id: {number}\npeer_listen: "{peer_address(number)}"\n'
                      'replace_after_seconds: 1\n'
                      'peers: "' + ",".join(f"{i}={peer_address(i)}" for i in peers) + '"\n')
        self._lines = lines
        self.limit_disk(False)

    def remove(self):
        self.kill()
        self.disk.remove()

    # --- life ---

    def spawn(self):
        """Starts the process; await_serving waits for it."""
        environment = dict(os.environ)
        if self.clock_faked:
            environment.update(
                LD_PRELOAD=_FAKETIME, FAKETIME_DONT_FAKE_MONOTONIC="1",
                FAKETIME_TIMESTAMP_FILE=str(self._clock_path), FAKETIME_CACHE_DURATION="1")
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*self._net.inside(self.number), *network.ENDS_WITH_US,
                 self._binary, "--config", self._config_path,
                 "--data-dir", self.disk.path / "data", "--listen", self.address],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)

    def await_serving(self):
        """Until it accepts connections."""
        deadline = time.monotonic() + SERVE_SECONDS_MAX
        with self.channel() as channel:
            ready = grpc.channel_ready_future(channel)
            while True:
                try:
                    ready.result(timeout=0.5)
                    return
                except grpc.FutureTimeoutError:
                    if self.process.poll() is not None or time.monotonic() > deadline:
                        raise RuntimeError(
                            f"{self.name} does not serve (exit code {self.process.poll()}):\n"
                            f"{self.log()}") from None

    def channel(self):
        return grpc.insecure_channel(self.address, options=CHANNEL_OPTIONS)

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self):
        """Ends it as an operator would; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS_MAX)
        finally:
            self.kill()

    def pause(self):
        power_disk.freeze(self.process)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    # --- disk ---

    def limit_disk(self, on):
        """For the next start: whether it minds how full its disk is."""
        limits = LIMITS if on else NO_LIMITS
        self._config_path.write_text(self._lines + limits, encoding="utf-8")

    def fill_disk(self):
        """Another file takes all but what is less than critical."""
        space = os.statvfs(self.disk.path)
        free = space.f_bavail * space.f_frsize
        with open(self._filler(), "wb") as file:
            os.posix_fallocate(file.fileno(), 0, free - LEFT_BYTES)

    def free_disk(self):
        self._filler().unlink()

    def _filler(self):
        return self.disk.path / "filler"

    def keep_disk(self):
        """Copies its disk as it is now; disk.put_back() needs it to be dead."""
        self.pause()
        try:
            self.disk.keep()
        finally:
            self.resume()

    def wipe_disk(self):
        shutil.rmtree(self.disk.path / "data")

    def hide_data(self):
        """Its directory is empty until show_data; it must not run."""
        (self.disk.path / "data").rename(self.disk.path / "hidden")

    def show_data(self):
        self.wipe_disk()
        (self.disk.path / "hidden").rename(self.disk.path / "data")

    def record_files(self):
        """Its files of entries."""
        data = self.disk.path / "data"
        return [*data.glob("db/*.sst"), *data.glob("sealed/**/*.sst")]

    def set_aside(self):
        """How many former directories it keeps beside the present one."""
        return len(list((self.disk.path / "data").glob("set-aside-*")))

    # --- clock ---

    def set_clock(self, seconds):
        """From now on its wall clock is that much off (within a second); needs
        clock_faked when it started."""
        other = self._clock_path.with_suffix(".new")
        other.write_text(f"{seconds:+d}\n", encoding="utf-8")
        os.replace(other, self._clock_path)

    def fake_clock(self, on):
        """For the next start: whether set_clock has an effect."""
        if on and not os.path.exists(_FAKETIME):
            raise network.Missing(f"chaos tests need {_FAKETIME} (package libfaketime)")
        self.clock_faked = on
        self.set_clock(0)

    def metrics(self):
        """What it counts, in lines."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://{self.metrics_address}/metrics",
                         timeout=METRICS_SECONDS_MAX) as page:
            return page.read().decode().splitlines()

    def metric(self, name):
        """One without labels."""
        return next(float(line.split()[1]) for line in self.metrics()
                    if line.startswith(name + " "))

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")[-4000:]


def peer_address(number):
    return f"{network.address(number)}:{PEER_PORT}"
