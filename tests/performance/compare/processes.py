"""Processes that a comparison starts, measures and ends by id."""

import dataclasses
import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from random import Random

STOP_SECONDS_MAX = 20
# Size of segments in the rows with seals.
SEGMENT = "128MiB"
_TICKS = os.sysconf("SC_CLK_TCK")
_LETTERS = [bytes([letter]) for letter in b"abcdefghijklmnopqrstuvwxyz"]


@dataclasses.dataclass
class Usage:
    """What processes have used so far, together; `rss_max` of the largest."""

    cpu_s: float = 0
    written_bytes: int = 0
    read_bytes: int = 0
    disk_read_bytes: int = 0
    rss_bytes: int = 0
    rss_max_bytes: int = 0

    def since(self, begin):
        return Usage(self.cpu_s - begin.cpu_s, self.written_bytes - begin.written_bytes,
                     self.read_bytes - begin.read_bytes,
                     self.disk_read_bytes - begin.disk_read_bytes, self.rss_bytes,
                     self.rss_max_bytes)


def _fields(path):
    """The numbers of a file of lines "NAME: NUMBER ..."."""
    fields = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        number = value.split()[0] if value.split() else ""
        if number.isdigit():
            fields[name] = int(number)
    return fields


def usage_of(pids):
    total = Usage()
    for pid in pids:
        folder = Path("/proc") / str(pid)
        stat = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        total.cpu_s += (int(stat[11]) + int(stat[12])) / _TICKS
        io = _fields(folder / "io")
        total.written_bytes += io["write_bytes"]
        # Files read, from the page cache or past it; sockets do not count here.
        total.read_bytes += io["rchar"]
        total.disk_read_bytes += io["read_bytes"]
        status = _fields(folder / "status")
        total.rss_bytes = max(total.rss_bytes, status["VmRSS"] * 1024)
        total.rss_max_bytes = max(total.rss_max_bytes, status["VmHWM"] * 1024)
    return total


class Nodes:
    """The processes of one system's nodes."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self._processes = []

    def start(self, name, command):
        with open(self.folder / f"{name}.log", "ab") as log:
            self._processes.append(subprocess.Popen(
                [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log))

    def pids(self):
        return [process.pid for process in self._processes]

    def usage(self):
        return usage_of(self.pids())

    def drop_page_cache(self):
        """Writes the nodes' files to disk and forgets their pages."""
        for path, _, names in os.walk(self.folder):
            for name in names:
                try:
                    file = os.open(os.path.join(path, name), os.O_RDONLY)
                except OSError:  # deleted meanwhile, or a socket
                    continue
                try:
                    os.fsync(file)
                    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
                finally:
                    os.close(file)

    def check(self):
        for process in self._processes:
            if process.poll() is not None:
                raise RuntimeError(f"a node ended by itself, see {self.folder}/*.log")

    def stop(self):
        for process in self._processes:
            process.send_signal(signal.SIGTERM)
        for process in self._processes:
            try:
                process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes = []


@dataclasses.dataclass
class Output:
    """What a finished client printed, and the CPU it took."""

    text: str
    cpu_s: float


class ClientRun:
    """A client that runs beside others. It is killed after `seconds_max`."""

    def __init__(self, command, seconds_max):
        self._command = [str(part) for part in command]
        self._deadline = time.monotonic() + seconds_max
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)

    def finish(self):
        begin = os.times()
        try:
            text, errors = self._process.communicate(
                timeout=max(0.1, self._deadline - time.monotonic()))
        except subprocess.TimeoutExpired as expired:
            self._process.kill()
            self._process.communicate()
            raise RuntimeError(f"took too long: {self._command}") from expired
        except BaseException:
            self.kill()
            raise
        end = os.times()
        if self._process.returncode != 0:
            raise RuntimeError(f"{self._command} ended with {self._process.returncode}: "
                               f"{errors[-2000:]} {text[-2000:]}")
        return Output(text, end.children_user - begin.children_user +
                      end.children_system - begin.children_system)

    def kill(self):
        if self._process.poll() is None:
            self._process.kill()
        if not self._process.stdout.closed:
            self._process.communicate()


def start_all(commands, seconds_max):
    """Clients beside each other; when one cannot be started, none is left."""
    runs = []
    try:
        for command in commands:
            runs.append(ClientRun(command, seconds_max))
    except BaseException:
        kill_all(runs)
        raise
    return runs


def finish_all(runs):
    """What each of them printed; when one fails, the others are killed."""
    try:
        return [run.finish() for run in runs]
    except BaseException:
        kill_all(runs)
        raise


def kill_all(runs):
    for run in runs:
        run.kill()


def run_client(command, seconds_max):
    return ClientRun(command, seconds_max).finish()


def free_ports(count):
    """Ports of loopback that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def wait_until(condition, what, seconds_max=60):
    deadline = time.monotonic() + seconds_max
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not within {seconds_max} s: {what}")
        time.sleep(0.1)


def compressible_values(path, value_bytes, count):
    """A file of lines, each a value like those of a log: zstd leaves a quarter."""
    random = Random(1)
    words = [b"".join(random.choices(_LETTERS, k=random.randint(3, 9))) for _ in range(2000)]
    with open(path, "wb") as file:
        for number in range(count):
            line = b'{"n":%d,"t":"%016x",' % (number, random.getrandbits(64))
            while len(line) < value_bytes:
                line += b'"%s":"%s",' % (random.choice(words), random.choice(words))
            file.write(line[:value_bytes] + b"\n")


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
