"""The faults of FAULTS' matrix that befall disks; as rows.py."""

import collections
import json
import re
import time

from tests.chaos import run as runs
from tests.chaos.run import share

# Batches of one partition that a file must have before it is damaged.
RECORDS_MIN = 100
PASS_SECONDS_MAX = 30
_NAME = re.compile(rb"(?<![0-9-])([0-9]+-[0-9]+) ")


def f11_disk_full(run, times=1):
    """F11: others fill the disk of a leader, then the disks of all nodes; nothing
    is restarted."""
    _limit_disks(run, True)
    for _ in range(times):
        leader = run.any_leader()
        partitions = run.led_by(leader)
        begin_us = run.begin_fault(f"disk of {leader.name} full, which leads {partitions}")
        with _filled([leader]):
            run.hold(0.5)
            run.await_new_progress()
            run.load(share(times))
            run.note_gap(begin_us)
            if run.led_by(leader):
                raise runs.Failed(f"{leader.name} leads on, and refuses all appends")
        run.begin_fault("disks of all nodes full")
        with _filled(run.cluster.nodes):
            # A second is what is under way.
            run.hold(1)
            before = run.feed.batches()
            run.hold(1)
            if run.feed.batches() != before:
                raise runs.Failed("appends are acknowledged on full disks")
        for node in run.cluster.nodes:
            if not node.alive():
                raise runs.Failed(f"{node.name} ended on a full disk:\n{node.log()}")
        run.await_new_progress()
    _limit_disks(run, False)


def _limit_disks(run, on):
    for node in run.cluster.nodes:
        node.stop()
        node.limit_disk(on)
        run.cluster.start_nodes([node])
        run.await_new_progress()


class _filled:
    def __init__(self, nodes):
        self._nodes = nodes

    def __enter__(self):
        for node in self._nodes:
            node.fill_disk()

    def __exit__(self, *_):
        for node in self._nodes:
            node.free_disk()


def f14_damage(run, times=1):
    """F14: a bit rots in a file of a node that stands still; what stood there is
    repaired from the others while clients go on."""
    for _ in range(times):
        node = run.random.choice(run.cluster.nodes)
        run.load(3 * share(times))
        begin_us = run.begin_fault(f"kill -9 of {node.name}: its log becomes files as it starts")
        node.kill()
        since = time.time()
        run.cluster.start_nodes([node])
        run.load(share(4 * times))
        node.kill()
        run.begin_fault(f"a bit of {node.name} flips: {_flip_bit(run, node, since)}")
        run.cluster.start_nodes([node])
        run.load(share(4 * times))
        # What clients have read was found before.
        run.cluster.scrub(node, PASS_SECONDS_MAX)
        run.cluster.await_undamaged(node)
        repaired = node.metric("kappa_repaired_entries_total")
        if repaired == 0:
            raise runs.Failed(f"{node.name} has repaired nothing:\n{node.log()}")
        found = run.cluster.scrub(node, PASS_SECONDS_MAX)
        if found.damaged_entries:
            raise runs.Failed(f"{node.name} is not repaired: {found}")
        run.counts["repaired"] += repaired
        run.note_gap(begin_us)


def _flip_bit(run, node, since):
    """Of a record in the middle of a partition, in a file that was written since;
    tells which one."""
    stored = {}
    for path in node.record_files():
        if path.stat().st_mtime >= since:
            # Topics before this one had the same names, and stand before it.
            for match in _NAME.finditer(path.read_bytes()):
                stored[match.group(1).decode()] = (path, match.start())
    for partition, names in sorted(_acknowledged(run).items()):
        here = [name for name in names if name in stored]
        if len(here) < RECORDS_MIN:
            continue
        name = here[len(here) // 2]
        path, at = stored[name]
        with open(path, "r+b") as file:
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ 1]))
        return f"record {name} of {partition}, in {path.name}"
    raise runs.Failed(f"no file of {node.name} has enough records of {run.topic}")


def _acknowledged(run):
    """By partition, the first value of each batch, in the order of the log, as far
    as clients have written it down."""
    by_partition = collections.defaultdict(list)
    for role in ("producer", "session"):
        begun = {}
        text = (run.folder / f"{role}.part").read_text(encoding="utf-8")
        # The last line may not be whole yet.
        for line in text.splitlines()[:-1]:
            event = json.loads(line)
            if "values" in event:
                begun[event["op"]] = event
            elif event["type"] == "ok" and "offset" in event:
                append = begun[event["op"]]
                by_partition[append["partition"]].append((event["offset"], append["values"][0]))
    return {partition: [name for _, name in sorted(names)]
            for partition, names in by_partition.items()}


def f18_disks_lost(run, times=1):
    """F18: an older image of a node's disk is put back, then another node's disk
    is wiped; each is taken in anew, and then part of the only majority."""
    for _ in range(times):
        older, wiped = run.random.sample(run.cluster.nodes, 2)
        older.keep_disk()
        former = older.set_aside()
        run.load(share(4 * times))
        begin_us = run.begin_fault(f"{older.name} back with an older image of its disk")
        older.kill()
        older.disk.put_back()
        _be_rebuilt(run, older, times)
        if older.set_aside() != former + 1:
            raise runs.Failed(f"{older.name} went on with an older disk:\n{older.log()}")
        run.note_gap(begin_us)
        begin_us = run.begin_fault(f"{wiped.name} back with an empty disk")
        wiped.kill()
        wiped.wipe_disk()
        _be_rebuilt(run, wiped, times)
        run.note_gap(begin_us)


def _be_rebuilt(run, node, times):
    run.load(share(4 * times))
    run.cluster.start_nodes([node])
    run.cluster.await_replicas(node)
    run.cluster.net.cut_off(run.random.choice(run.cluster.others(node)).number)
    run.await_new_progress()
    run.load(share(4 * times))
    run.cluster.net.heal()


def f18_most_wiped(run, times=1, seconds=2):
    """F18: a majority comes back with empty disks: nothing is elected from these,
    nothing is acknowledged, and they say what they wait for. With their former
    disks back everything is there."""
    for _ in range(times):
        nodes = run.cluster.nodes
        wiped = run.random.sample(nodes, len(nodes) // 2 + 1)
        names = ", ".join(node.name for node in wiped)
        begin_us = run.begin_fault(f"all nodes end; {names} back with empty disks")
        run.cluster.kill_all()
        for node in wiped:
            node.hide_data()
        for node in nodes:
            node.spawn()
        left = run.cluster.others(*wiped)
        for node in left:
            node.await_serving()
        # What was on its way is answered by now.
        run.hold(runs.ARRIVE_US / 1_000_000)
        before = run.feed.batches()
        run.hold(seconds)
        if run.feed.batches() != before:
            raise runs.Failed(f"appends are acknowledged, and {names} have lost their disks")
        # The port for clients, where it says so too, is open some time later.
        for node in wiped:
            if "formed without this disk" not in node.log():
                raise runs.Failed(f"{node.name} does not say what it waits for:\n{node.log()}")
        missed = sorted(node.number for node in wiped)
        for node in left:
            needed = run.cluster.needs(node)
            if missed not in needed:
                raise runs.Failed(f"{node.name} needs {needed}, not {missed}")
        run.begin_fault(f"{names} have their former disks again")
        for node in wiped:
            node.kill()
            node.show_data()
        run.cluster.start_nodes(wiped)
        run.await_new_progress()
        run.load(share(times))
        run.note_gap(begin_us)


ROWS = {
    "F11": f11_disk_full, "F14": f14_damage, "F18": f18_disks_lost,
    "F18-most-wiped": f18_most_wiped,
}
