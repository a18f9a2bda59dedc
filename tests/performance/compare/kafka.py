"""Three Kafka brokers, loaded by Kafka's own tools."""

import re
import time

from tests.performance.compare import processes

CLUSTER_ID = "4L6g3nShT-eMCtK--X86sw"
# Of records of 1 KiB. Brokers that were just started are compiled while they run:
# after half a minute they have a quarter of the speed that they reach in two.
WARM_UP_SECONDS = 150
# Synced, a thousand partitions take one sync each for every 50 ms of records.
TRIAL_SECONDS_MAX = 300
# ConsumerPerformance ends when nothing came for so long.
STALL_SECONDS_MAX = 10
# As bin/kafka-run-class.sh starts a broker.
JVM = ["-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20",
       "-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent"]
CONFIG = """process.roles=broker,controller
node.id={number}
controller.quorum.voters={voters}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
default.replication.factor=3
min.insync.replicas=2
offsets.topic.replication.factor=3
transaction.state.log.replication.factor=3
group.initial.rebalance.delay.ms=0
log.segment.delete.delay.ms=1000
message.max.bytes=4194304
replica.fetch.max.bytes=4194304
"""
SUMMARY = re.compile(
    r"([\d.]+) records/sec \(([\d.]+) MB/sec\), ([\d.]+) ms avg latency, .*"
    r" (\d+) ms 50th, \d+ ms 95th, (\d+) ms 99th, (\d+) ms 99\.9th")


class Kafka:
    """One cluster, as it comes or with a flush of every message set."""

    label = "Kafka"
    settings = {"replicas": 3, "acks": "all", "min.insync.replicas": 2,
                "batch": "128 KiB", "linger": "1 ms (50 ms at maximum)",
                "in flight": "buffer.memory 16 MiB, 5 requests", "clients": 1,
                "heap": "1 GiB a broker",
                "load": "ProducerPerformance, ConsumerPerformance",
                "rates": "--throughput; latency from the call of send"}

    def __init__(self, programs, nodes, *, synced):
        self._classes = programs.peers / "kafka"
        self._clients = programs.peers / "kafka-clients"
        self._nodes, folder = nodes, nodes.folder
        self._topics = 0
        self._rates = {}
        ports = processes.free_ports(6)
        self._servers = ",".join(f"127.0.0.1:{port}" for port in ports[:3])
        voters = ",".join(f"{i + 1}@127.0.0.1:{ports[3 + i]}" for i in range(3))
        for i in range(3):
            config = self._nodes.folder / f"broker-{i + 1}.properties"
            text = CONFIG.format(number=i + 1, voters=voters, port=ports[i],
                                 controller=ports[3 + i], data=f"{folder}/broker-{i + 1}")
            if synced:
                text += "log.flush.interval.messages=1\n"
            config.write_text(text, encoding="utf-8")
            processes.run_client(self._java(
                self._classes, "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID,
                "-c", config), 60)
            self._nodes.start(f"broker-{i + 1}", [
                "java", "-Xmx1G", "-Xms1G", *JVM, "-cp", f"{self._classes}/*",
                "kafka.Kafka", config])
        processes.wait_until(lambda: all(map(processes.listens, ports[:3])),
                             "three brokers serve")
        self.idle = self.usage()
        self._warm_up()

    @staticmethod
    def _java(classes, *command):
        return ["java", "-Xmx512M", "-cp", f"{classes}/*", *command]

    def usage(self):
        self._nodes.check()
        return self._nodes.usage()

    def _warm_up(self):
        end = time.monotonic() + WARM_UP_SECONDS
        while time.monotonic() < end:
            self.append(1024, 1, 2)
        processes.run_client(self._consume(self.fill(200_000)), 120)

    def drop_page_cache(self):
        self._nodes.drop_page_cache()

    def _make_topic(self, partitions):
        self._topics += 1
        topic = f"t{self._topics}"
        processes.run_client(self._java(
            self._classes, "org.apache.kafka.tools.TopicCommand", "--create", "--topic",
            topic, "--partitions", partitions, "--replication-factor", 3,
            "--bootstrap-server", self._servers), 60)
        # Brokers begin to lead some time after the answer. A producer that is faster
        # gets its batches out of order, and stands until its delivery timeout of 120 s.
        time.sleep(0.5 + partitions / 200)
        return topic

    def _delete_topic(self, topic):
        processes.run_client(self._java(
            self._classes, "org.apache.kafka.tools.TopicCommand", "--delete", "--topic",
            topic, "--bootstrap-server", self._servers), 60)
        processes.wait_until(
            lambda: not any(self._nodes.folder.glob(f"broker-*/{topic}-*")),
            f"the files of {topic} are deleted")

    def _produce(self, topic, record_bytes, records, warm_up, *, rate=-1, linger=1,
                 buffer=16 << 20, batch=128 * 1024, values=None):
        load = ["--payload-file", values] if values else ["--record-size", record_bytes]
        return self._java(
            self._clients, "org.apache.kafka.tools.ProducerPerformance", "--topic", topic,
            "--num-records", records, *load, "--throughput", rate,
            *(["--warmup-records", warm_up] if warm_up else []), "--producer-props",
            f"bootstrap.servers={self._servers}", "acks=all", f"batch.size={batch}",
            f"linger.ms={linger}", f"buffer.memory={buffer}", "max.request.size=4194304",
            *(["compression.type=zstd"] if values else []))

    def append(self, record_bytes, partitions, seconds, *, values=None):
        topic = self._make_topic(partitions)
        options = {"values": values} if values else {}
        options |= {"linger": 50, "batch": max(128 * 1024, record_bytes + 1024)}
        # The client starts cold: the last half of the run counts.
        # A thousand partitions that sync take some two thousand records a second.
        trial_bytes = (5 if partitions >= 1_000 else 50) << 20
        records = max(20, min(200_000, trial_bytes // record_bytes))
        # The second trial has nearly the speed of what is measured.
        for trial_seconds in (seconds, seconds * 2):
            rate = _summary(processes.run_client(
                self._produce(topic, record_bytes, records, records // 2, **options),
                TRIAL_SECONDS_MAX))["records_per_s"]
            records = max(20, int(rate * trial_seconds))
        begin = self.usage()
        output = processes.run_client(
            self._produce(topic, record_bytes, records, records // 2, **options),
            seconds * 6 + TRIAL_SECONDS_MAX)
        used = self.usage().since(begin)
        # Its files, and what a thousand partitions cost, are not for other rows.
        self._delete_topic(topic)
        figures = _summary(output)
        sent = records * record_bytes
        return {
            "records_per_s": figures["records_per_s"],
            "mb_per_s": figures["records_per_s"] * record_bytes / 1e6,
            "cpu_s_per_gb": (used.cpu_s + output.cpu_s) / (sent / 1e9),
            "written_per_byte": used.written_bytes / sent / 3,
        }

    def paced(self, rate, seconds):
        topic = self._make_topic(1)
        records = int(rate * seconds * 1.5)
        figures = _summary(processes.run_client(
            self._produce(topic, 1024, records, records // 3, rate=rate),
            seconds * 4 + 60))
        figures["note"] = "--throughput, from the call of send"
        return figures

    def one_at_a_time(self, seconds):
        """The buffer holds one record: each is sent when the one before is
        answered, so the mean is exact though the tool's quantiles are whole
        milliseconds."""
        topic = self._make_topic(1)
        figures = _summary(processes.run_client(
            self._produce(topic, 1024, int(400 * seconds), int(100 * seconds), linger=0,
                          buffer=1400, batch=1), 120))
        return {"p50_ms": 1000 / figures["records_per_s"], "p99_ms": figures["p99_ms"],
                "p999_ms": figures["p999_ms"], "records_per_s": figures["records_per_s"],
                "note": "p50 is the mean"}

    def fill(self, records):
        topic = self._make_topic(1)
        processes.run_client(self._produce(topic, 1024, records, 0, linger=50), 180)
        return topic, records

    def _consume(self, history):
        topic, records = history
        self._topics += 1
        return self._java(
            self._clients, "org.apache.kafka.tools.ConsumerPerformance",
            "--bootstrap-server", self._servers, "--topic", topic, "--messages", records,
            "--group", f"g{self._topics}", "--hide-header", "--timeout",
            STALL_SECONDS_MAX * 1000)

    def replay(self, history, readers):
        runs = self.start_replays(history, readers)
        return {"mb_per_s": runs.finish(), "bytes": readers * history[1] * 1024}

    def start_replays(self, history, readers):
        return _Replays(processes.start_all(
            [self._consume(history) for _ in range(readers)], 180), history[1])


class _Replays:
    def __init__(self, runs, records):
        self._runs, self._records = runs, records

    def finish(self):
        """The sum of the rates that each reader had while it fetched, in MB/s."""
        total = 0
        for output in processes.finish_all(self._runs):
            fields = output.text.strip().splitlines()[-1].split(",")
            if int(fields[4]) < self._records:
                raise RuntimeError(f"a reader got {fields[4]} of {self._records} records")
            total += float(fields[8]) * (1 << 20) / 1e6
        return total


def _summary(output):
    """The last summary, which leaves the warm-up out."""
    found = None
    for line in output.text.splitlines():
        found = SUMMARY.search(line) or found
    if found is None:
        raise RuntimeError(f"no summary in: {output.text}")
    return {"records_per_s": float(found[1]), "p50_ms": float(found[4]),
            "p99_ms": float(found[5]), "p999_ms": float(found[6])}
