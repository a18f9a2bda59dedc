"""The faults of FAULTS' matrix, each by its row; those of disks: disk_rows.py.

A function causes its faults in a run under load, lets the load go on
meanwhile, and has healed everything when it returns. `times` is how often;
the defaults are for the test command.
"""

from tests.chaos import disk_rows
from tests.chaos import run as runs
from tests.chaos.run import share

HOUR = 3600


def f1_leader_killed(run, times=3):
    """F1: kill -9 of a leader."""
    for _ in range(times):
        leader = run.any_leader()
        partitions = run.led_by(leader)
        begin_us = run.begin_fault(f"kill -9 of {leader.name}, which leads {partitions}")
        leader.kill()
        run.await_new_progress(partitions)
        run.note_gap(begin_us, partitions)
        run.load(share(times))
        run.cluster.start_nodes([leader])


def f2_follower_killed(run, times=3):
    """F2: a follower is killed again and again; the SDK's clients see no error."""
    run.expect_no_sdk_error = True
    for _ in range(times):
        follower = run.random.choice(run.cluster.others(*run.leaders().values()))
        begin_us = run.begin_fault(f"kill -9 of {follower.name}, which leads nothing")
        follower.kill()
        run.load(share(times))
        run.note_gap(begin_us)
        run.cluster.start_nodes([follower])


def f3_all_killed(run, times=3):
    """F3: kill -9 of all nodes at once."""
    for _ in range(times):
        begin_us = run.begin_fault("kill -9 of all nodes")
        run.cluster.kill_all()
        run.cluster.start()
        run.load(share(times))
        run.note_gap(begin_us)


def f4_power_cut(run, times=2):
    """F4: all nodes lose their power at one instant."""
    for _ in range(times):
        begin_us = run.begin_fault("power cut of all nodes")
        run.cluster.power_cut()
        run.cluster.start()
        run.load(share(times))
        run.note_gap(begin_us)


def f5_part_kill(run, times=1):
    """F5: the only majority is the old minority and a node that lost its power."""
    net = run.cluster.net
    for _ in range(times):
        old, hit, left = run.random.sample(run.cluster.nodes, 3)
        run.begin_fault(f"{old.name} cut off")
        net.cut_off(old.number)
        run.await_new_progress()
        run.load(share(2 * times))
        run.begin_fault(f"power cut of {hit.name}; then {left.name} is cut off")
        run.cluster.power_cut([hit])
        net.heal()
        net.cut_off(left.number)
        run.cluster.start_nodes([hit])
        run.await_new_progress()
        run.load(share(2 * times))
        net.heal()


def f5_pause_kill(run, times=1):
    """F5: the same with pauses instead of cuts."""
    for _ in range(times):
        old, hit, left = run.random.sample(run.cluster.nodes, 3)
        with _paused(old):
            run.begin_fault(f"SIGSTOP of {old.name}")
            run.await_new_progress()
            run.load(share(2 * times))
            run.begin_fault(f"power cut of {hit.name}; then SIGSTOP of {left.name}")
            run.cluster.power_cut([hit])
        with _paused(left):
            run.cluster.start_nodes([hit])
            run.await_new_progress()
            run.load(share(2 * times))


def f6_paused_leader(run, times=2, seconds=2):
    """F6: a leader stands still for a while."""
    for _ in range(times):
        leader = run.any_leader()
        partitions = run.led_by(leader)
        begin_us = run.begin_fault(f"SIGSTOP of {leader.name}, which leads {partitions}")
        with _paused(leader):
            if len(run.cluster.nodes) > 1:
                run.await_new_progress(partitions)
                run.note_gap(begin_us, partitions)
                run.load(share(times))
            run.hold_until(begin_us + seconds * 1_000_000)
        run.load(share(times))


def f7_partitions(run, times=1, seconds=1):
    """F7: partitions of every shape; those that leave a majority let it go on."""
    net = run.cluster.net
    for _ in range(times):
        leader = run.any_leader()
        others = run.cluster.others(leader)
        name, follower = leader.number, others[0].number
        shapes = [
            ("leader cut off", _between([name], [n.number for n in others])),
            ("follower cut off", _between([follower], [
                n.number for n in run.cluster.others(others[0])])),
            ("leader cannot send", [(name, n.number) for n in others]),
            ("leader cannot receive", [(n.number, name) for n in others]),
            ("bridge", _between([name], [follower])),
            ("ring", _all_but_ring(list(net.numbers))),
        ]
        for what, pairs in shapes:
            if not pairs:
                continue
            begin_us = run.begin_fault(f"partition: {what}")
            net.cut(pairs)
            run.await_new_progress()
            run.note_gap(begin_us)
            run.load(share(5 * times))
            net.heal()
        run.begin_fault("partition: no majority")
        net.cut(_between(list(net.numbers), list(net.numbers)))
        run.hold(seconds)
        net.heal()


def f8_bad_network(run, times=1):
    """F8: packets between nodes are lost, late, out of order, or come twice."""
    for _ in range(times):
        for lost in (0.01, 0.05, 0.2):
            begin_us = run.begin_fault(f"loss of {lost:.0%}")
            run.cluster.net.lose(lost)
            run.load(share(4 * times))
            run.note_gap(begin_us)
        run.cluster.net.heal()
        begin_us = run.begin_fault("delay, reordering, duplicates")
        # There and back again: 25 to 100 ms.
        run.cluster.net.slow((12.5, 50), reordered=0.02, duplicated=0.01, seed=run.seed)
        run.load(share(4 * times))
        run.note_gap(begin_us)
        run.cluster.net.heal()


def f10_wrong_clock(run, times=1):
    """F10: the wall clock of one node is off by an hour, and jumps back."""
    run.expect_append_times = True
    for _ in range(times):
        node = run.any_leader()
        run.begin_fault(f"{node.name} restarts with a clock that can be wrong")
        node.stop()
        node.fake_clock(True)
        run.cluster.start_nodes([node])
        for seconds in (HOUR, 0, -HOUR, -2 * HOUR):
            run.begin_fault(f"clock of {node.name} off by {seconds} s")
            node.set_clock(seconds)
            run.hold(1.2)
            run.load(share(4 * times))
        node.set_clock(0)
        run.hold(1.2)
        node.stop()
        node.fake_clock(False)
        run.cluster.start_nodes([node])


def f21_rolling_restart(run, times=1):
    """F21: each node in turn is stopped and started again."""
    run.expect_no_sdk_error = True
    for _ in range(times):
        for node in run.cluster.nodes:
            begin_us = run.begin_fault(f"restart of {node.name}")
            code = node.stop()
            if code != 0:
                raise runs.Failed(f"{node.name} ended with {code}:\n{node.log()}")
            run.cluster.start_nodes([node])
            run.await_new_progress()
            run.load(share(len(run.cluster.nodes) * times))
            run.note_gap(begin_us)


def f23_transfer(run, times=12):
    """F23: leadership is handed over under load."""
    run.expect_no_sdk_error = True
    moved = 0
    for _ in range(3 * times):
        partition = run.random.choice(run.partitions)
        leader = run.cluster.leader(run.topic, partition)
        to = run.random.choice(run.cluster.others(leader))
        begin_us = run.begin_fault(f"partition {partition}: {leader.name} to {to.name}")
        if run.cluster.transfer(run.topic, partition, leader, to):
            run.await_new_progress([partition])
            run.note_gap(begin_us, [partition])
            moved += 1
        run.load(share(times))
        if moved == times:
            return
    raise runs.Failed(f"only {moved} of {3 * times} transfers were not refused")


def mix(run, times=5):
    """Faults drawn at random, one after another under one load."""
    for _ in range(times):
        fault = run.random.choice([f for row, f in ROWS.items() if row not in PARTITIONS])
        fault(run, times=1)
    # Some of them allow errors.
    run.expect_no_sdk_error = False


class _paused:
    def __init__(self, node):
        self._node = node

    def __enter__(self):
        self._node.pause()

    def __exit__(self, *_):
        self._node.resume()


def _between(some, others):
    return [pair for a in some for b in others if a != b for pair in ((a, b), (b, a))]


def _all_but_ring(numbers):
    """What is cut when each node hears its two neighbours only; of three: none."""
    last = len(numbers) - 1
    return [(a, b) for i, a in enumerate(numbers) for j, b in enumerate(numbers)
            if i != j and abs(i - j) not in (1, last)]


# By the matrix's name; F2 has partitions whose leaders leave a node without any.
ROWS = {
    "F1": f1_leader_killed, "F2": f2_follower_killed, "F3": f3_all_killed,
    "F4": f4_power_cut, "F5-part-kill": f5_part_kill, "F5-pause-kill": f5_pause_kill,
    "F6": f6_paused_leader, "F7": f7_partitions, "F8": f8_bad_network, "F10": f10_wrong_clock,
    "F21": f21_rolling_restart, "F23": f23_transfer, **disk_rows.ROWS,
}
PARTITIONS = {"F2": 2}
