"""What this machine could do at most, in the same round as the systems."""

import json
import os
import socket
import subprocess
import threading
import time
from pathlib import Path

from tests.performance.compare import processes

_MIB = 1 << 20


def measure(programs, folder, seconds):
    output = processes.run_client(
        [programs.bin / "tests/performance/limits", "--dir", folder, "--seconds", seconds],
        120)
    limits = json.loads(output.text)
    limits["disk_three_writers"] = {"mb_per_s": _disk(Path(folder), seconds)}
    limits["loopback_tcp"] = {"mb_per_s": _loopback(seconds)}
    return limits


def _disk(folder, seconds):
    """Three files, each appended to and synced 1 MiB at a time; of one of them."""
    data = os.urandom(_MIB)
    counts = [0, 0, 0]

    def write(number):
        path = folder / f"writer-{number}"
        file = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            os.write(file, data)
            os.fdatasync(file)
            counts[number] += 1
        os.close(file)
        path.unlink()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return min(counts) * _MIB / 1e6 / seconds


def _loopback(seconds):
    """One connection to another process, 256 KiB a call."""
    sink = ("import socket\n"
            "s = socket.create_server(('127.0.0.1', 0))\n"
            "print(s.getsockname()[1], flush=True)\n"
            "c = s.accept()[0]\n"
            "b = bytearray(1 << 18)\n"
            "while c.recv_into(b): pass\n")
    with subprocess.Popen(["/usr/bin/python3", "-c", sink], stdout=subprocess.PIPE,
                          text=True) as server:
        connection = socket.create_connection(
            ("127.0.0.1", int(server.stdout.readline())))
        data, sent = os.urandom(1 << 18), 0
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            sent += connection.send(data)
        connection.close()
    return sent / 1e6 / seconds
