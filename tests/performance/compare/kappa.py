"""Three kappad, loaded by `kappa bench`."""

import json
import re
import time
import urllib.request

from tests.performance.compare import processes


class Kappa:
    """One cluster. A record counts as acknowledged after the sync on a majority."""

    label = "Kappa"
    settings = {"replicas": 3, "acknowledged after": "a sync on a majority",
                "batch": "128 KiB", "linger": "50 ms at maximum, else 1 ms",
                "in flight": "16 MiB", "clients": 1, "load": "kappa bench"}

    def __init__(self, programs, nodes, *, synced=True, seals=False):
        assert synced
        self._bin = programs.bin
        self._nodes, folder = nodes, nodes.folder
        self._topics = 0
        ports = processes.free_ports(9)
        self._servers = ",".join(f"127.0.0.1:{port}" for port in ports[:3])
        peers = ",".join(f"{i + 1}=127.0.0.1:{ports[3 + i]}" for i in range(3))
        config = folder / "kappad.yaml"
        config.write_text(f"segment_size: {processes.SEGMENT}\n" if seals else "# as it comes\n",
                          encoding="utf-8")
        for i in range(3):
            self._nodes.start(f"node-{i + 1}", [
                self._bin / "server/kappad", "--data-dir", f"{folder}/node-{i + 1}",
                "--config", config,
                "--node-id", i + 1, "--peers", peers, "--listen", f"127.0.0.1:{ports[i]}",
                "--peer-listen", f"127.0.0.1:{ports[3 + i]}",
                "--metrics-listen", f"127.0.0.1:{ports[6 + i]}"])
        processes.wait_until(lambda: all(map(processes.listens, ports[:3])),
                             "three kappad serve")
        self._metrics = ports[6:]
        self.idle = self.usage()

    def usage(self):
        self._nodes.check()
        return self._nodes.usage()

    def _command(self, kind, *arguments, topic=None):
        self._topics += 1
        pids = [part for pid in self._nodes.pids() for part in ("--server-pid", pid)]
        return [self._bin / "client/cli/kappa", "bench", kind, "--server", self._servers,
                "--topic", topic or f"t{self._topics}", *pids, "-o", "json", *arguments]

    def _run(self, seconds_max, *command, **topic):
        text = processes.run_client(self._command(*command, **topic), seconds_max).text
        report = json.loads(text)
        if report["errors"]:
            raise RuntimeError(f"{report['errors']} errors: {command}")
        return report

    def drop_page_cache(self):
        self._nodes.drop_page_cache()

    def append(self, record_bytes, partitions, seconds, *, values=None):
        """`values`: a file of compressible ones, for zstd."""
        batch = max(128 * 1024, record_bytes)
        extra = ["--values", values, "--compression", "zstd"] if values else []
        report = self._run(
            seconds + 60, "append", "--record-bytes", record_bytes, "--batch-bytes", batch,
            "--partitions", partitions, "--warm-up", seconds / 4, "--duration", seconds,
            *extra)
        return {
            "records_per_s": report["records_per_s"], "mb_per_s": report["mb_per_s"],
            # Unknown when nothing was acknowledged, as may be in a short run.
            "cpu_s_per_gb": ((report["server_cpu_s_per_gb"] or 0) +
                             (report["client_cpu_s_per_gb"] or 0)),
            "written_per_byte": (report["disk_bytes_per_byte"] or 0) / 3,
        }

    def sealed(self):
        """Segments that every node has sealed."""
        return min(map(_sealed_of, self._metrics))

    def append_with_seals(self, partitions, seconds):
        """Twice as long as other rows, for three seals at least, and until the seals
        of what was appended are done."""
        seconds *= 2
        warm_up = 0.1 if partitions == 1 else seconds / 4
        sealed, begin = self.sealed(), self.usage()
        report = self._run(seconds + 60, "append", "--record-bytes", 1024, "--partitions",
                           partitions, "--warm-up", warm_up, "--duration", seconds)
        seals = self._quiet_seals() - sealed
        used = self.usage().since(begin)
        # What the warm-up appended was written too.
        appended = report["records_per_s"] * 1024 * (seconds + warm_up)
        return {"records_per_s": report["records_per_s"], "mb_per_s": report["mb_per_s"],
                "written_per_byte": used.written_bytes / appended / 3, "seals": seals,
                "note": f"{seals} seals of {processes.SEGMENT}"}

    def _quiet_seals(self):
        """Waits until the nodes write nothing more, for 10 seconds at most."""
        end, before = time.monotonic() + 10, None
        while time.monotonic() < end:
            written = self.usage().written_bytes
            if before is not None and written - before < 1 << 20:
                break
            before = written
            time.sleep(0.5)
        return self.sealed()

    def paced(self, rate, seconds):
        report = self._run(seconds + 60, "latency", "--rate", rate, "--record-bytes", 1024,
                           "--warm-up", seconds / 4, "--duration", seconds)
        return _latency(report)

    def one_at_a_time(self, seconds):
        return _latency(self._run(seconds + 60, "latency", "--record-bytes", 1024,
                                  "--warm-up", seconds / 4, "--duration", seconds))

    def fill(self, records):
        """Returns what replay needs to know of the history."""
        topic = f"history{self._topics}"
        self._run(120, "replay", "--bytes", records * 1024, topic=topic)
        return topic

    def replay(self, topic, readers):
        report = self._run(120, "replay", "--existing", "--readers", readers, topic=topic)
        return {"mb_per_s": report["mb_per_s"], "bytes": report["records"] * 1024}

    def start_replays(self, topic, readers):
        """Readers that go on by themselves; finish() tells their rate."""
        run = processes.ClientRun(
            self._command("replay", "--existing", "--readers", readers, topic=topic), 180)
        return _Replays(run)


def _sealed_of(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return int(float(re.search(r'^kappa_segments\{state="sealed"\} (\S+)', text, re.M)[1]))


class _Replays:
    def __init__(self, run):
        self._run = run

    def finish(self):
        return json.loads(self._run.finish().text)["mb_per_s"]


def _latency(report):
    return {name: report[name] for name in ("p50_ms", "p99_ms", "p999_ms", "records_per_s")}
