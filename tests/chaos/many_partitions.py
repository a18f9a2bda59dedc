"""Many partitions on real nodes: what they cost, and how soon they serve.

Times are seconds, as a client sees them through the API.
"""

import collections
import os
import pathlib
import time

import grpc
from kappa.v1 import cluster_service_pb2 as cluster_pb2
from kappa.v1 import cluster_service_pb2_grpc
from kappa.v1 import log_service_pb2 as log_pb2
from kappa.v1 import log_service_pb2_grpc
from kappa.v1 import record_pb2
from kappa.v1 import topic_service_pb2 as topic_pb2

SECONDS_MAX = 180
# Between two questions.
LOOK_SECONDS = 0.05
CALLS_AT_ONCE = 64
CALL_SECONDS_MAX = 2
# Without a message of a group for so long, all groups sleep.
QUIET_SECONDS = 2


class Late(RuntimeError):
    """Something did not happen within its time."""


def _until(what, condition, look_seconds=LOOK_SECONDS):
    """Returns how long it took until `condition()` was true."""
    begin = time.monotonic()
    while not condition():
        if time.monotonic() - begin > SECONDS_MAX:
            raise Late(f"{what}: not within {SECONDS_MAX} s")
        time.sleep(look_seconds)
    return time.monotonic() - begin


def _append(topic, partition):
    return log_pb2.AppendRequest(
        topic=topic, partition=partition, batch=record_pb2.Batch(
            records=record_pb2.RecordSet(records=[record_pb2.Record(value=b"value")])))


class ManyPartitions:
    """Topics of `topic_partitions` each on a cluster that serves."""

    def __init__(self, of, partitions, topic_partitions=1000):
        self.cluster = of
        self.partitions = partitions
        self.topics = {
            f"many-{first}": min(topic_partitions, partitions - first)
            for first in range(0, partitions, topic_partitions)}

    # --- topics ---

    def create(self):
        """Until the last creation is answered. Returns how long that took, and how
        often one was asked for again (Cluster.create_exactly)."""
        begin, repeated = time.monotonic(), 0
        for name, partitions in self.topics.items():
            repeated += self.cluster.create_exactly(
                self.cluster.nodes[0], topic_pb2.CreateTopicRequest(
                    name=name, partitions=partitions, replicas=len(self.cluster.nodes),
                    deletion_protection=False))
        return time.monotonic() - begin, repeated

    def all_partitions(self):
        return [(topic, number) for topic, count in self.topics.items()
                for number in range(count)]

    # --- leaders ---

    @staticmethod
    def _leads(node):
        """How many partitions each heard node leads, as `node` sees it."""
        with node.channel() as channel:
            service = cluster_service_pb2_grpc.ClusterServiceStub(channel)
            try:
                answer = service.DescribeCluster(
                    cluster_pb2.DescribeClusterRequest(), timeout=CALL_SECONDS_MAX)
            except grpc.RpcError:
                return {}
        return {each.node_id: each.leads for each in answer.nodes if each.heard}

    def leads(self):
        """By node: how many partitions it says that it leads itself."""
        return {each.number: self._leads(each).get(each.number, 0)
                for each in self.cluster.nodes if each.alive()}

    def await_leaders(self):
        """Until the living nodes say that they lead all of them."""
        return _until("a leader for each partition",
                      lambda: sum(self.leads().values()) == self.partitions)

    def await_balance(self):
        """Until every partition is led by the node that shall lead it."""
        def balanced():
            # Cheap before dear.
            leads = self.leads().values()
            return max(leads) - min(leads) <= 1 and self.partitions == sum(
                len(self.led_by(each, preferred=True)) for each in self.cluster.nodes)

        return _until("leaders on their nodes", balanced, look_seconds=1)

    def led_by(self, node, preferred=False):
        """The partitions, as the node says; those that it shall lead, or all."""
        found = []
        with node.channel() as channel:
            service = cluster_service_pb2_grpc.ClusterServiceStub(channel)
            for topic in self.topics:
                request = cluster_pb2.DescribePartitionsRequest(topic=topic, page_size=1000)
                while True:
                    answer = service.DescribePartitions(request, timeout=CALL_SECONDS_MAX)
                    found += [(topic, each.partition) for each in answer.partitions
                              if each.leader == node.number
                              and (not preferred or each.preferred_leader == node.number)]
                    request.page_token = answer.next_page_token
                    if not request.page_token:
                        break
        return found

    # --- appends ---

    def append_to(self, partitions):
        """Appends to each, again and again until it is acknowledged. Returns the
        times, ascending."""
        nodes = [each for each in self.cluster.nodes if each.alive()]
        channels = [each.channel() for each in nodes]
        stubs = [log_service_pb2_grpc.LogServiceStub(channel) for channel in channels]
        begin, times = time.monotonic(), []
        waiting = collections.deque(enumerate(partitions))
        under_way = []
        try:
            while waiting or under_way:
                while waiting and len(under_way) < CALLS_AT_ONCE:
                    number, partition = waiting.popleft()
                    call = stubs[number % len(stubs)].Append.future(
                        _append(*partition), timeout=CALL_SECONDS_MAX)
                    under_way.append((call, number, partition))
                call, number, partition = under_way.pop(0)
                if call.exception() is None:
                    times.append(time.monotonic() - begin)
                else:
                    # Another node the next time.
                    waiting.append((number + 1, partition))
                if time.monotonic() - begin > SECONDS_MAX:
                    raise Late(f"{len(waiting) + len(under_way)} of {len(partitions)} partitions "
                               f"take no append: {call.exception()}")
        finally:
            for channel in channels:
                channel.close()
        return times

    # --- what it costs ---

    def cost_at_rest(self, seconds):
        """CPU, memory and messages of each node while nobody uses it."""
        settled = self._await_sleep()
        nodes = self.cluster.nodes
        begin, cpu, sent = time.monotonic(), [_cpu_seconds(n) for n in nodes], self._sent()
        time.sleep(seconds)
        passed = time.monotonic() - begin
        sent_after = self._sent()
        rates = {key: round((sent_after[key] - count) / passed, 1) for key, count in sent.items()}
        return {
            "settled_s": round(settled, 1),
            "seconds": round(passed, 1),
            "cpu_percent": [round(100 * (_cpu_seconds(n) - before) / passed, 2)
                            for n, before in zip(nodes, cpu)],
            "frames_per_s": {f"{a}-{b}": rate for (what, a, b), rate in rates.items()
                             if what == "frames"},
            "group_messages_per_s": {f"{a}-{b}": rate for (what, a, b), rate in rates.items()
                                     if what == "messages"},
            "resident_mib": [_resident_mib(n) for n in nodes],
        }

    def _await_sleep(self):
        last = [None, 0.0]

        def quiet():
            now = [value for key, value in sorted(self._sent().items()) if key[0] == "messages"]
            if now != last[0]:
                last[:] = [now, time.monotonic()]
            return time.monotonic() - last[1] > QUIET_SECONDS

        return _until("groups that sleep", quiet)

    def _sent(self):
        """By (frames or messages, from, to): counted since the start."""
        sent = collections.Counter()
        for each in self.cluster.nodes:
            for text in each.metrics():
                for what in ("frames", "messages"):
                    begin = f'kappa_peer_sent_{what}_total{{'
                    if text.startswith(begin):
                        to = text.split('node="')[1].split('"')[0]
                        sent[(what, each.number, int(to))] += float(text.split()[-1])
        return sent


def _cpu_seconds(node):
    """Of all its threads, none of which ends meanwhile."""
    tasks = pathlib.Path(f"/proc/{node.process.pid}/task")
    return sum(int((task / "schedstat").read_text(encoding="ascii").split()[0])
               for task in tasks.iterdir()) / 1e9


def _resident_mib(node):
    pages = pathlib.Path(f"/proc/{node.process.pid}/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGESIZE") >> 20
