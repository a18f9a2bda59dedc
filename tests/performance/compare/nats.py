"""Three nats-server with JetStream, loaded by `nats bench`."""

import csv
import os
import re
import tempfile

from tests.performance.compare import processes

CONFIG = """server_name: n{number}
listen: 127.0.0.1:{port}
max_payload: 8MB
jetstream {{ store_dir: "{data}", max_file: 10TB{sync} }}
cluster {{ name: compare, listen: 127.0.0.1:{route}, routes: [{routes}] }}
"""
RATE = re.compile(r"stats: ([\d,]+) msgs/sec")
# Records in a batch of `fast`; two batches are outstanding.
BATCH = 500
# Synchronous publishers that together make a fixed rate: each may take 4 ms.
PACED_RATE_PER_CLIENT = 250


class Nats:
    """One cluster; a topic is a stream of three replicas."""

    label = "NATS"
    settings = {"replicas": 3, "batch": f"{BATCH} messages, at most 4 MiB",
                "linger": "none",
                "in flight": "2 batches (fast)",
                "clients": f"1; at fixed rates one for {PACED_RATE_PER_CLIENT}/s",
                "load": "nats bench js, the better of fast and async"}

    def __init__(self, programs, nodes, *, synced):
        self._program = programs.peers / "nats/nats"
        self._nodes, folder = nodes, nodes.folder
        self._streams = 0
        ports = processes.free_ports(6)
        self._servers = ",".join(f"nats://127.0.0.1:{port}" for port in ports[:3])
        routes = ", ".join(f"nats://127.0.0.1:{port}" for port in ports[3:])
        for i in range(3):
            config = self._nodes.folder / f"n{i + 1}.conf"
            config.write_text(CONFIG.format(
                number=i + 1, port=ports[i], route=ports[3 + i], routes=routes,
                data=f"{folder}/data-{i + 1}",
                sync=", sync_interval: always" if synced else ""), encoding="utf-8")
            self._nodes.start(f"n{i + 1}", [programs.peers / "nats/nats-server", "-c", config])
        processes.wait_until(lambda: all(map(processes.listens, ports[:3])),
                             "three nats-server listen")
        processes.wait_until(self._works, "JetStream has a leader")
        self.idle = self.usage()

    def _works(self):
        try:
            self._publish("sync", "probe", 128, 1, create=True)
        except RuntimeError:
            return False
        return True

    def usage(self):
        self._nodes.check()
        return self._nodes.usage()

    def drop_page_cache(self):
        self._nodes.drop_page_cache()

    def _bench(self, *arguments):
        return [self._program, "--no-context", "-s", self._servers, "bench", "js",
                *arguments, "--no-progress"]

    def _publish(self, kind, stream, record_bytes, records, *, create=False, clients=1,
                 rate=0, batch=BATCH, values=None):
        """Returns (output, rows of the CSV file)."""
        extra = ["--payload", values] if values else []
        if create:
            extra += ["--create", "--replicas", "3", "--maxbytes", "50GB"]
        if kind != "sync":
            extra += ["--batch", batch]
        if kind == "fast":
            extra += ["--max-outstanding-acks", 2]
        if rate:
            extra += ["--throughput", rate]
        handle, path = tempfile.mkstemp(suffix=".csv")
        os.close(handle)
        try:
            output = processes.run_client(self._bench(
                "pub", kind, f"{stream}.x", "--stream", stream, "--size", record_bytes,
                "--msgs", records, "--clients", clients, "--csv", path, *extra), 120)
            with open(path, encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
        finally:
            os.unlink(path)
        return output, rows

    def _new_stream(self):
        self._streams += 1
        return f"s{self._streams}"

    def append(self, record_bytes, partitions, seconds, *, values=None):
        """`partitions` is not heeded: the tool loads one stream at a time."""
        best = None
        one = values and _first_line(values)
        batch = max(1, min(BATCH, (4 << 20) // record_bytes))
        for kind in ("fast", "async"):
            stream = self._new_stream()
            trial = max(20, min(30_000, (20 << 20) // record_bytes))
            output, _ = self._publish(kind, stream, record_bytes, trial, create=True,
                                      batch=batch, values=one)
            records = int(_rate(output) * seconds)
            begin = self.usage()
            output, _ = self._publish(kind, stream, record_bytes, records, batch=batch,
                                      values=one)
            used = self.usage().since(begin)
            sent = records * record_bytes
            figures = {
                "records_per_s": _rate(output),
                "mb_per_s": _rate(output) * record_bytes / 1e6,
                "cpu_s_per_gb": (used.cpu_s + output.cpu_s) / (sent / 1e9),
                "written_per_byte": used.written_bytes / sent / 3,
                "note": kind,
            }
            if best is None or figures["records_per_s"] > best["records_per_s"]:
                best = figures
        if partitions > 1:
            best["note"] += ", 1 stream"
        if values:
            best["note"] += ", the tool cannot compress"
        return best

    def paced(self, rate, seconds):
        stream = self._new_stream()
        clients = max(16, rate // PACED_RATE_PER_CLIENT)
        self._publish("sync", stream, 1024, 3_000, create=True, clients=clients)
        output, rows = self._publish("sync", stream, 1024, int(rate * seconds),
                                     clients=clients, rate=rate)
        figures = _latency(output, rows)
        figures["note"] = f"{clients} synchronous clients, --throughput, from the call"
        return figures

    def one_at_a_time(self, seconds):
        stream = self._new_stream()
        self._publish("sync", stream, 1024, 300, create=True)
        return _latency(*self._publish("sync", stream, 1024, int(600 * seconds)))

    def fill(self, records):
        stream = self._new_stream()
        self._publish("fast", stream, 1024, records, create=True)
        return stream, records

    def _consume(self, history, readers):
        stream, records = history
        return self._bench("ordered", "--stream", stream, "--size", 1024, "--msgs", records,
                           "--clients", readers)

    def replay(self, history, readers):
        run = self.start_replays(history, readers)
        return {"mb_per_s": run.finish(), "bytes": readers * history[1] * 1024}

    def start_replays(self, history, readers):
        return _Replays(processes.start_all(
            [self._consume(history, 1) for _ in range(readers)], 180))


class _Replays:
    def __init__(self, runs):
        self._runs = runs

    def finish(self):
        """The sum of the readers' rates, in MB/s."""
        return sum(map(_rate, processes.finish_all(self._runs))) * 1024 / 1e6


def _first_line(path):
    """A file with the first value of `path` beside it: the tool sends one."""
    one = f"{path}.one"
    with open(path, "rb") as values, open(one, "wb") as file:
        file.write(values.readline().rstrip(b"\n"))
    return one


def _rate(output):
    found = RATE.findall(output.text)
    if not found:
        raise RuntimeError(f"no rate in: {output.text}")
    return float(found[-1].replace(",", ""))


def _latency(output, rows):
    """Of several publishers the one with the median figure stands for all."""
    def middle(name):
        values = sorted(float(row[name]) for row in rows)
        return values[len(values) // 2] / 1000

    return {"p50_ms": middle("P50LatencyMicroSecs"), "p99_ms": middle("P99LatencyMicroSecs"),
            "p999_ms": middle("P99.9LatencyMicroSecs"), "records_per_s": _rate(output)}
