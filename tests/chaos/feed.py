"""What the clients of a run tell while they run (recorder.h)."""

import collections
import enum
import os
import selectors
import struct
import threading
import time

_ROW = struct.Struct("<qIHH")


class Outcome(enum.IntEnum):
    ACKNOWLEDGED = 1
    APPEND_FAILED = 2
    APPEND_UNKNOWN = 3
    RESOLVED = 4
    READ = 5
    READ_FAILED = 6
    END_TOLD = 7
    END_FAILED = 8
    CONDITION_MET = 9
    CONDITION_REFUSED = 10
    UNEXPECTED = 11


def now_us():
    """The clock of histories."""
    return time.monotonic_ns() // 1000


class Feed:
    """Reads the clients' pipes on a thread of its own until they end."""

    def __init__(self, pipes):
        self.counts = collections.Counter()
        self.records = 0  # acknowledged
        self.acknowledged = []  # (time_us, partition), nearly in order of time
        self.last_us = {}  # by partition
        self._changed = threading.Condition()
        self._pipes = list(pipes)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def join(self):
        self._thread.join()

    def wait_for(self, condition, seconds_max):
        """Until `condition()`, called with the lock held; False if it is late."""
        with self._changed:
            return self._changed.wait_for(condition, seconds_max)

    def batches(self):
        return self.counts[Outcome.ACKNOWLEDGED]

    def _read(self):
        left = {pipe: b"" for pipe in self._pipes}
        with selectors.DefaultSelector() as selector:
            for pipe in left:
                selector.register(pipe, selectors.EVENT_READ)
            while selector.get_map():
                for key, _ in selector.select():
                    data = os.read(key.fileobj.fileno(), 65536)
                    if not data:
                        selector.unregister(key.fileobj)
                        continue
                    data = left[key.fileobj] + data
                    whole = len(data) - len(data) % _ROW.size
                    left[key.fileobj] = data[whole:]
                    self._take(data[:whole])

    def _take(self, rows):
        with self._changed:
            for time_us, partition, outcome, records in _ROW.iter_unpack(rows):
                self.counts[outcome] += 1
                if outcome == Outcome.ACKNOWLEDGED:
                    self.records += records
                    self.acknowledged.append((time_us, partition))
                    self.last_us[partition] = max(time_us, self.last_us.get(partition, 0))
            self._changed.notify_all()

    # --- figures ---

    def count_between(self, begin_us, end_us):
        with self._changed:
            return sum(begin_us <= time_us < end_us for time_us, _ in self.acknowledged)

    def longest_gap_us(self, begin_us, end_us, partitions):
        """The longest time between an acknowledged append to one of the partitions
        and the next one to it, of times that overlap with the given ones."""
        with self._changed:
            rows = sorted(self.acknowledged)
        last, longest = {}, 0
        for time_us, partition in rows:
            if partition not in partitions:
                continue
            before = last.get(partition)
            last[partition] = time_us
            if before is not None and time_us >= begin_us and before <= end_us:
                longest = max(longest, time_us - before)
        return longest
