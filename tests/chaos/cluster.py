"""A cluster of real nodes, and what can happen to it."""

import collections
import concurrent.futures
import os
import pathlib
import signal
import time

import grpc
from kappa.v1 import cluster_service_pb2 as cluster_pb2
from kappa.v1 import cluster_service_pb2_grpc
from kappa.v1 import log_service_pb2 as log_pb2
from kappa.v1 import log_service_pb2_grpc
from kappa.v1 import maintenance_service_pb2 as maintenance_pb2
from kappa.v1 import maintenance_service_pb2_grpc
from kappa.v1 import record_pb2
from kappa.v1 import topic_service_pb2 as topic_pb2
from kappa.v1 import topic_service_pb2_grpc

from tests.chaos import network
from tests.chaos import node

READY_SECONDS_MAX = 60
CALL_SECONDS_MAX = 5
# Before a call is made again.
REPEAT_SECONDS = 0.05
# Of a replica that follows under load.
BEHIND_MAX = 50
# Far beyond any end: an append that expects it is refused by whoever leads.
NEVER = 2**62

ROOT = pathlib.Path(__file__).absolute().parents[2]
KAPPAD = pathlib.Path(os.environ.get("KAPPAD", ROOT / "server/kappad"))
EARLY = ROOT / "tests/crash/kappad_acknowledging_early"


class Cluster:
    """`count` nodes from empty disks; logs go to `folder`."""

    def __init__(self, count, folder, binary=KAPPAD):
        self.nodes = []
        self.net = network.Network(count)
        try:
            for number in self.net.numbers:
                self.nodes.append(node.Node(number, self.net, self.net.numbers, binary, folder))
        except BaseException:
            self.remove()
            raise

    def remove(self):
        for each in self.nodes:
            each.remove()
        self.net.remove()

    @property
    def addresses(self):
        return [each.address for each in self.nodes]

    def start(self):
        self.start_nodes(self.nodes)

    @staticmethod
    def start_nodes(nodes):
        for each in nodes:
            each.spawn()
        for each in nodes:
            each.await_serving()

    # --- topics and leaders ---

    def create_topic(self, name, partitions):
        """Until some node has done it and every node knows it."""
        request = topic_pb2.CreateTopicRequest(
            name=name, partitions=partitions, replicas=len(self.nodes),
            deletion_protection=False)
        self.create_exactly(self.nodes[0], request)
        for each in self.nodes:
            self._until_ok(each, lambda topics: topics.GetTopic(
                topic_pb2.GetTopicRequest(name=name)))

    @staticmethod
    def create_exactly(each, request):
        """Until the topic is made; returns how often it was asked for again. When
        the metadata group changes its leader in between, nobody knows whether it
        was made: if it is there afterwards, it was."""
        deadline = time.monotonic() + READY_SECONDS_MAX
        repeated = 0
        with each.channel() as channel:
            topics = topic_service_pb2_grpc.TopicServiceStub(channel)
            while True:
                try:
                    topics.CreateTopic(request, timeout=READY_SECONDS_MAX)
                    return repeated
                except grpc.RpcError as error:
                    if repeated and error.code() == grpc.StatusCode.ALREADY_EXISTS:
                        return repeated
                    if time.monotonic() > deadline:
                        raise RuntimeError(f"{each.name}: {error}") from error
                    repeated += 1
                    time.sleep(REPEAT_SECONDS)

    def delete_topic(self, name):
        self._until_ok(self.nodes[0], lambda topics: topics.DeleteTopic(
            topic_pb2.DeleteTopicRequest(name=name)))

    @staticmethod
    def _until_ok(each, call):
        deadline = time.monotonic() + READY_SECONDS_MAX
        with each.channel() as channel:
            topics = topic_service_pb2_grpc.TopicServiceStub(channel)
            while True:
                try:
                    return call(topics)
                except grpc.RpcError as error:
                    if time.monotonic() > deadline:
                        raise RuntimeError(f"{each.name}: {error}") from error
                    # Gone, or not known yet: it takes the call's own time.
                    if error.code() == grpc.StatusCode.NOT_FOUND:
                        time.sleep(REPEAT_SECONDS)

    def leader(self, topic, partition=0):
        """The node that leads now, waiting for one if need be."""
        deadline = time.monotonic() + READY_SECONDS_MAX
        while time.monotonic() < deadline:
            candidates = [each for each in self.nodes if each.alive()]
            with concurrent.futures.ThreadPoolExecutor(len(candidates)) as pool:
                leads = pool.map(lambda each: self._leads(each, topic, partition), candidates)
                found = [each for each, yes in zip(candidates, leads) if yes]
            if found:
                return found[0]
        raise RuntimeError(f"nobody leads {topic}/{partition}")

    @staticmethod
    def _leads(each, topic, partition):
        """Asks by an append that its leader refuses, on a stream, for unary calls
        are passed on."""
        append = log_pb2.AppendRequest(
            topic=topic, partition=partition, expected_offset=NEVER,
            batch=record_pb2.Batch(records=record_pb2.RecordSet(
                records=[record_pb2.Record(value=b"")])))
        request = log_pb2.AppendStreamRequest(correlation_id=1, append=append)
        with each.channel() as channel:
            try:
                answers = log_service_pb2_grpc.LogServiceStub(channel).AppendStream(
                    iter([request]), timeout=1)
                return next(answers).error.code == grpc.StatusCode.FAILED_PRECONDITION.value[0]
            except (grpc.RpcError, StopIteration):
                return False

    def terms(self, topic):
        """The highest term of each partition that a node tells."""
        request = cluster_pb2.DescribePartitionsRequest(topic=topic, page_size=1000)
        terms = collections.Counter()
        for each in self.nodes:
            with each.channel() as channel:
                service = cluster_service_pb2_grpc.ClusterServiceStub(channel)
                answer = service.DescribePartitions(request, timeout=CALL_SECONDS_MAX)
            for status in answer.partitions:
                terms[status.partition] = max(terms[status.partition], status.term)
        return list(terms.values())

    def await_replicas(self, node):
        """Until leaders tell that the node's replicas vote and hold what they do, of
        all topics: before that nobody may lose another disk."""
        topics = self._until_ok(self.others(node)[0], lambda topics: topics.ListTopics(
            topic_pb2.ListTopicsRequest(page_size=1000), timeout=CALL_SECONDS_MAX)).topics
        deadline = time.monotonic() + READY_SECONDS_MAX
        missing = {(topic.name, partition)
                   for topic in topics for partition in range(topic.partitions)}
        while missing:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{node.name} is not in {sorted(missing)}")
            for name in {topic for topic, _ in missing}:
                missing -= {(name, partition) for partition in self._voted_by(node, name)}
            time.sleep(0.05)

    def _voted_by(self, node, topic):
        """The partitions whose leaders tell that the node takes part."""
        request = cluster_pb2.DescribePartitionsRequest(topic=topic, page_size=1000)
        found = set()
        for each in self.nodes:
            with each.channel() as channel:
                service = cluster_service_pb2_grpc.ClusterServiceStub(channel)
                try:
                    answer = service.DescribePartitions(request, timeout=CALL_SECONDS_MAX)
                except grpc.RpcError as error:
                    # It does not know that it knows all topics.
                    if error.code() != grpc.StatusCode.UNAVAILABLE:
                        raise
                    continue
            found |= {status.partition for status in answer.partitions
                      if _takes_part(status, node)}
        return found

    # --- health and damage ---

    @staticmethod
    def problems(node, kind):
        """What the node tells of that kind."""
        with node.channel() as channel:
            service = cluster_service_pb2_grpc.ClusterServiceStub(channel)
            answer = service.GetHealth(cluster_pb2.GetHealthRequest(), timeout=CALL_SECONDS_MAX)
        return [problem for problem in answer.problems if problem.kind == kind]

    def needs(self, node):
        """The nodes without which its groups have no majority, a list for each."""
        return [list(problem.nodes) for problem in self.problems(
            node, cluster_pb2.HEALTH_PROBLEM_KIND_NO_QUORUM)]

    @staticmethod
    def scrub(node, seconds_max):
        """Lets the node read all that it stores; what it found."""
        deadline = time.monotonic() + seconds_max
        with node.channel() as channel:
            service = maintenance_service_pb2_grpc.MaintenanceServiceStub(channel)
            wanted = service.StartScrub(maintenance_pb2.StartScrubRequest(),
                                        timeout=CALL_SECONDS_MAX)
            while True:
                status = service.GetScrubStatus(maintenance_pb2.GetScrubStatusRequest(),
                                                timeout=CALL_SECONDS_MAX).status
                if getattr(status, "pass") >= getattr(wanted, "pass") and not status.running:
                    return status
                if time.monotonic() > deadline:
                    raise RuntimeError(f"{node.name} still scrubs: {status}")
                time.sleep(0.05)

    def await_undamaged(self, node):
        """Until it lists no damage."""
        deadline = time.monotonic() + READY_SECONDS_MAX
        while damaged := self.problems(node, cluster_pb2.HEALTH_PROBLEM_KIND_DAMAGED):
            if time.monotonic() > deadline:
                raise RuntimeError(f"{node.name} is not repaired: {damaged}")
            time.sleep(0.05)

    @staticmethod
    def transfer(topic, partition, leader, to):
        """Hands leadership over; True once `to` leads. False: refused, as while
        the cluster itself moves it."""
        request = cluster_pb2.TransferLeadershipRequest(
            topic=topic, partition=partition, to_node=to.number)
        with leader.channel() as channel:
            service = cluster_service_pb2_grpc.ClusterServiceStub(channel)
            try:
                service.TransferLeadership(request, timeout=CALL_SECONDS_MAX)
                return True
            except grpc.RpcError as error:
                if error.code() not in (grpc.StatusCode.FAILED_PRECONDITION,
                                        grpc.StatusCode.UNAVAILABLE):
                    raise
                return False

    def others(self, *nodes):
        return [each for each in self.nodes if each not in nodes]

    # --- faults of all nodes ---

    def kill_all(self):
        for each in self.nodes:
            each.process.kill()
        for each in self.nodes:
            each.kill()

    def power_cut(self, nodes=None):
        """Power is lost at one instant: only what was synced is on the disks."""
        nodes = self.nodes if nodes is None else nodes
        # All signals first: a node that ran on would sync what others still lack.
        for each in nodes:
            each.process.send_signal(signal.SIGSTOP)
        for each in nodes:
            each.pause()
        for each in nodes:
            each.disk.keep()
        for each in nodes:
            each.kill()
            each.disk.put_back()

    def logs(self):
        return "\n".join(f"--- {each.name}\n{each.log()}" for each in self.nodes)


def _takes_part(status, node):
    """Whether a leader tells that the node leads, or follows closely, as a voter.

    Until it is known on its new disk, its former replica is one that is behind.
    """
    leads = any(replica.activity == cluster_pb2.REPLICA_ACTIVITY_LEADS
                for replica in status.replicas)
    follows = any(replica.node_id == node.number and replica.entries_behind <= BEHIND_MAX
                  and replica.activity in (cluster_pb2.REPLICA_ACTIVITY_LEADS,
                                           cluster_pb2.REPLICA_ACTIVITY_FOLLOWS)
                  for replica in status.replicas)
    return leads and follows and node.number in status.voters and not status.learners
