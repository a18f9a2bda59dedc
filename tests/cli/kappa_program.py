"""Runs the built program kappa for a test."""

import os
import pathlib
import random
import socket
import subprocess

_ROOT = os.path.join(os.environ["TEST_SRCDIR"], os.environ["TEST_WORKSPACE"])
KAPPA = os.path.join(_ROOT, "client/cli/kappa")
KAPPAD = os.path.join(_ROOT, "server/kappad")
DONE, REFUSED, WRONG_USAGE, NO_SERVER = 0, 1, 2, 3  # exit codes
WAIT_SECONDS_MAX = 120
ENVIRONMENT = {name: value for name, value in os.environ.items()
               if not name.startswith("KAPPA")}


def run(*words, stdin=""):
    """`kappa` with these arguments, when it has ended."""
    return subprocess.run([KAPPA, *map(str, words)], input=stdin, text=True, check=False,
                          capture_output=True, timeout=WAIT_SECONDS_MAX, env=ENVIRONMENT)


def any_disk(folder):
    """Settings of kappad, as a file, that do with whatever space the machine has."""
    path = pathlib.Path(folder, "kappad.yaml")
    path.write_text("disk_low: 0\ndisk_critical: 0\ndisk_ballast: 0\n", encoding="utf-8")
    return path


def _is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_base_port(nodes=3):
    """For `kappa local`; below the ports that the kernel gives to outgoing connections."""
    while True:
        base = random.randrange(10_000, 32_000)
        if all(_is_free(base + kind + i) for kind in (0, 100, 200) for i in range(nodes)):
            return base
