"""Network namespaces joined by a switch, and what can go wrong between them.

This process keeps the clients: its own namespace is one of them. Names are
kept in a mount namespace of this process, so when it and its children end,
however they end, the kernel takes everything away.
"""

import ctypes
import functools
import os
import pathlib
import shutil
import subprocess

from tests.process import loop_disk

_CLONE_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)
_NAMES = pathlib.Path("/run/netns")
WIRE = pathlib.Path(__file__).with_name("slow_wire_main")
_PREFIX = "10.77.0."
_CLIENTS = 200
_TOOLS = ("ip", "nft", "nsenter", "setpriv", "mkfs.ext4", "mount")
# Put before a command, it ends when this process does. (Code of ours between
# fork and exec, beside gRPC's threads, can wait for ever.)
ENDS_WITH_US = ("setpriv", "--pdeathsig", "KILL")


class Missing(RuntimeError):
    """This machine cannot run these tests."""


def require():
    """Raises Missing, naming everything that is not there."""
    faults = []
    if os.geteuid() != 0:
        faults.append("root")
    path = loop_disk.ENVIRONMENT["PATH"]
    faults += [f"the program {tool}" for tool in _TOOLS if not shutil.which(tool, path=path)]
    if not os.path.exists("/dev/loop-control"):
        faults.append("loop devices (/dev/loop-control)")
    if not os.path.exists("/proc/self/ns/net"):
        faults.append("network namespaces")
    if faults:
        raise Missing("chaos tests need " + ", ".join(faults))


def _run(*words, text=None):
    done = subprocess.run(words, input=text, capture_output=True, text=True,
                          check=False, env=loop_disk.ENVIRONMENT)
    if done.returncode:
        raise Missing(f"{' '.join(map(str, words))}: {done.stderr.strip()} (chaos tests need "
                      "root, network namespaces, bridges and nft)")


def _unshare_network():
    if _LIBC.unshare(_CLONE_NEWNET):
        raise Missing(f"unshare of the network: {os.strerror(ctypes.get_errno())}")


@functools.cache
def _own_network():
    """Moves this thread, and whom it starts, into a network of their own."""
    loop_disk.own_mounts()
    _unshare_network()
    _NAMES.mkdir(parents=True, exist_ok=True)
    _run("mount", "-t", "tmpfs", "chaos", _NAMES)
    _run("ip", "link", "set", "lo", "up")


def address(number):
    return f"{_PREFIX}{number}"


class Network:
    """`count` nodes, n1 and so on, on one switch, and the clients."""

    def __init__(self, count):
        require()
        _own_network()
        self.numbers = range(1, count + 1)
        self._cuts = set()
        self._loss = 0.0
        self._wire = None
        self._namespaces = []
        try:
            self._make()
        except BaseException:
            self.remove()
            raise

    def _make(self):
        for name in ("switch", *(f"n{i}" for i in self.numbers)):
            _run("ip", "netns", "add", name)
            self._namespaces.append(name)
        lines = ["link add c0 type veth peer name c netns switch",
                 f"address add {address(_CLIENTS)}/24 dev c0", "link set c0 up"]
        lines += [f"link add p{i} type veth peer name eth0 netns n{i}" for i in self.numbers]
        lines += [f"link set p{i} netns switch name n{i}" for i in self.numbers]
        _run("ip", "-batch", "-", text="\n".join(lines))
        ports = ["c", *(f"n{i}" for i in self.numbers)]
        self._batch_switch(["link add br0 type bridge forward_delay 0", "link set br0 up",
                            *(f"link set {port} master br0 up" for port in ports)])
        for i in self.numbers:
            _run("ip", "-n", f"n{i}", "-batch", "-", text="\n".join(
                ["link set lo up", f"address add {address(i)}/24 dev eth0", "link set eth0 up"]))
        self._apply()

    def remove(self):
        if self._wire:
            self._wire.kill()
            self._wire.communicate()
        # With a namespace its links go too, but some time later.
        if os.path.exists("/proc/self/net/dev_snmp6/c0"):
            _run("ip", "link", "delete", "c0")
        for name in self._namespaces:
            _run("ip", "netns", "delete", name)
        self._namespaces = []

    @staticmethod
    def inside(number):
        """Put before a command, it runs in the node's namespace."""
        return ("nsenter", f"--net={_NAMES / f'n{number}'}")

    # --- faults between nodes; clients always reach every node ---

    def cut(self, pairs):
        """Drops everything from a to b for each (a, b)."""
        self._cuts |= set(pairs)
        self._apply()

    def cut_off(self, *group):
        """Nothing passes between these nodes and all others."""
        others = [i for i in self.numbers if i not in group]
        self.cut([pair for a in group for b in others for pair in ((a, b), (b, a))])

    def lose(self, share):
        """Loses that share of all packets between nodes, at random."""
        self._loss = share
        self._apply()

    def slow(self, delay_ms, reordered, duplicated, seed):
        """Frames between nodes take a time in the range `delay_ms`; these shares
        of them overtake others, or come twice."""
        ports = ["c", *(f"n{i}" for i in self.numbers)]
        self._batch_switch(f"link set {port} nomaster" for port in ports)
        self._wire = subprocess.Popen(
            ["nsenter", f"--net={_NAMES / 'switch'}", *ENDS_WITH_US, WIRE, *ports,
             "--delay-ms", f"{delay_ms[0]},{delay_ms[1]}", "--reordered", str(reordered),
             "--duplicated", str(duplicated), "--seed", str(seed)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=loop_disk.ENVIRONMENT)
        if self._wire.stdout.readline() != b"ready\n":
            raise Missing("slow_wire does not run (chaos tests need packet sockets)")

    def _end_wire(self):
        if self._wire:
            self._wire.communicate()
            self._wire = None
            self._batch_switch(f"link set {port} master br0"
                               for port in ("c", *(f"n{i}" for i in self.numbers)))

    def heal(self):
        self._end_wire()
        self._cuts, self._loss = set(), 0.0
        self._apply()

    @staticmethod
    def _batch_switch(lines):
        _run("ip", "-n", "switch", "-batch", "-", text="\n".join(lines))

    def _apply(self):
        rules = [f'iifname "n{a}" oifname "n{b}" drop' for a, b in sorted(self._cuts)]
        if self._loss:
            rules.append('iifname "n*" oifname "n*" '
                         f"numgen random mod 10000 < {round(self._loss * 10000)} drop")
        text = "\n".join(
            ["flush ruleset", "table bridge chaos {", "chain forward {",
             "type filter hook forward priority 0; policy accept;", *rules, "}", "}", ""])
        _run("nsenter", f"--net={_NAMES / 'switch'}", "nft", "-f", "-", text=text)
