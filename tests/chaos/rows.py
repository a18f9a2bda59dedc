"""The faults of FAULTS.md's matrix, each by its row.

A function causes its faults in a run under load, lets the load go on
meanwhile, and has healed everything when it returns.
"""

from tests.chaos import run as runs

# Between two faults of a row.
SOME = 150


def f3_all_killed(run, times=3):
    """F3: kill -9 of all nodes at once."""
    for _ in range(times):
        run.begin_fault("kill -9 of all nodes")
        run.cluster.kill_all()
        run.cluster.start()
        run.load(_share(times))


def f4_power_cut(run, times=2):
    """F4: all nodes lose their power at one instant."""
    for _ in range(times):
        run.begin_fault("power cut of all nodes")
        run.cluster.power_cut()
        run.cluster.start()
        run.load(_share(times))


def f6_paused_leader(run, times=2):
    """F6: the leader stands still for a while."""
    for _ in range(times):
        leader = run.cluster.leader(run.topic)
        partitions = run.led_by(leader)
        begin_us = run.begin_fault(f"SIGSTOP of {leader.name}")
        leader.pause()
        try:
            if len(run.cluster.nodes) > 1:
                run.await_progress(begin_us, partitions)
                run.load(_share(times))
        finally:
            leader.resume()
        run.load(_share(times))
        run.note_gap(begin_us, partitions)


def _share(times):
    return runs.DURING_BATCHES // times + 1
