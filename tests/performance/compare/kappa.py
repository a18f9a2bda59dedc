"""Three kappad, loaded by `kappa bench`."""

import json

from tests.performance.compare import processes

LABEL = "Kappa"


class Kappa:
    """One cluster. A record counts as acknowledged after the sync on a majority."""

    settings = {"replicas": 3, "acknowledged after": "a sync on a majority",
                "batch": "128 KiB", "linger": "50 ms at maximum, else 1 ms",
                "in flight": "16 MiB", "clients": 1, "load": "kappa bench"}

    def __init__(self, programs, nodes, *, synced=True):
        assert synced
        self._bin = programs.bin
        self._nodes, folder = nodes, nodes.folder
        self._topics = 0
        ports = processes.free_ports(9)
        self._servers = ",".join(f"127.0.0.1:{port}" for port in ports[:3])
        peers = ",".join(f"{i + 1}=127.0.0.1:{ports[3 + i]}" for i in range(3))
        for i in range(3):
            self._nodes.start(f"node-{i + 1}", [
                self._bin / "server/kappad", "--data-dir", f"{folder}/node-{i + 1}",
                "--node-id", i + 1, "--peers", peers, "--listen", f"127.0.0.1:{ports[i]}",
                "--peer-listen", f"127.0.0.1:{ports[3 + i]}",
                "--metrics-listen", f"127.0.0.1:{ports[6 + i]}"])
        processes.wait_until(lambda: all(map(processes.listens, ports[:3])),
                             "three kappad serve")

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

    def append(self, record_bytes, partitions, seconds):
        batch = max(128 * 1024, record_bytes)
        report = self._run(
            seconds + 60, "append", "--record-bytes", record_bytes, "--batch-bytes", batch,
            "--partitions", partitions, "--warm-up", seconds / 4, "--duration", seconds)
        return {
            "records_per_s": report["records_per_s"], "mb_per_s": report["mb_per_s"],
            # Unknown when nothing was acknowledged, as may be in a short run.
            "cpu_s_per_gb": ((report["server_cpu_s_per_gb"] or 0) +
                             (report["client_cpu_s_per_gb"] or 0)),
            "written_per_byte": (report["disk_bytes_per_byte"] or 0) / 3,
        }

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


class _Replays:
    def __init__(self, run):
        self._run = run

    def finish(self):
        return json.loads(self._run.finish().text)["mb_per_s"]


def _latency(report):
    return {name: report[name] for name in ("p50_ms", "p99_ms", "p999_ms", "records_per_s")}
