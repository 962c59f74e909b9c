"""The driver of Tools/bench: runs ours and Redis Streams in alternation and prints medians."""
import argparse
import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LOAD = ROOT / ".build/bench/load"
SERVICE = ROOT / ".build/release/okla-events"
LOG_BENCH = ROOT / ".build/release/log-bench"
KEY = "bench-key"


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mib(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


def disk_bytes(path):
    return sum(f.stat().st_blocks * 512 for f in pathlib.Path(path).rglob("*") if f.is_file())


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Ours:
    def __init__(self, directory, durability):
        self.process = subprocess.Popen(
            [SERVICE, "serve", "--port", "0", "--data-dir", directory], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**os.environ, "EVENT_TRACKING_WRITE_KEY": KEY, "LOG_DURABILITY": durability})
        self.port = json.loads(self.process.stdout.readline())["http"].rsplit(":", 1)[1]
        self.protocol = "http"


class Redis:
    def __init__(self, directory, appendfsync):
        self.port = str(free_port())
        self.protocol = "redis"
        self.process = subprocess.Popen(
            ["redis-server", "--port", self.port, "--bind", "127.0.0.1", "--dir", directory, "--save", "", "--appendonly", "yes",
             "--appendfsync", appendfsync, "--auto-aof-rewrite-percentage", "0"], stdout=subprocess.DEVNULL)
        while True:
            try:
                socket.create_connection(("127.0.0.1", int(self.port))).close()
                return
            except OSError:
                time.sleep(0.02)


def measure_server(make, events, batch, workers, directory):
    """One round against a fresh server."""
    server = make(directory)
    try:
        def load(count, first):
            out = subprocess.run([LOAD, server.protocol, server.port, str(count), str(batch), str(workers), KEY, str(first)],
                                 capture_output=True, text=True)
            if out.returncode:
                sys.exit(out.stderr)
            return json.loads(out.stdout)
        load(max(batch * workers * 2, 1000), 10**9)  # warm up
        cpu, disk = cpu_seconds(server.process.pid), disk_bytes(directory)
        result = load(events, 0)
        result["cpu_us"] = (cpu_seconds(server.process.pid) - cpu) / events * 1e6
        result["peak_mib"] = peak_mib(server.process.pid)
        result["disk"] = (disk_bytes(directory) - disk) / events
        return result
    finally:
        server.process.send_signal(signal.SIGTERM)
        server.process.wait()


def measure_log(events, group, tasks, durability, directory):
    out = subprocess.run([LOG_BENCH, directory, str(events), str(group), str(tasks), durability], capture_output=True, text=True)
    if out.returncode:
        sys.exit(out.stderr)
    result = json.loads(out.stdout)
    result["cpu_us"] = result["cpu_s"] / result["events"] * 1e6
    result["disk"] = disk_bytes(directory) / result["events"]
    return result


def main():
    parser = argparse.ArgumentParser(prog="Tools/bench")
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json")
    options = parser.parse_args()
    if options.quick:
        options.events, options.rounds = 40_000, 1
    n = options.events
    rows = [
        ("ours: HTTP, gzip batches of 100, 8 connections, fsync",
         lambda d: measure_server(lambda d: Ours(d, "fsync"), n, 100, 8, d)),
        ("Redis Streams, appendfsync always, 100 XADD a pipeline, 8 connections",
         lambda d: measure_server(lambda d: Redis(d, "always"), n, 100, 8, d)),
        ("Redis Streams, appendfsync everysec, the same", lambda d: measure_server(lambda d: Redis(d, "everysec"), n, 100, 8, d)),
        ("ours: HTTP, the same with os durability", lambda d: measure_server(lambda d: Ours(d, "os"), n, 100, 8, d)),
        ("ours: HTTP, single events, 64 connections, fsync",
         lambda d: measure_server(lambda d: Ours(d, "fsync"), n // 4, 1, 64, d)),
        ("ours: log append without HTTP, groups of 100, 8 tasks, fsync", lambda d: measure_log(n, 100, 8, "fsync", d)),
        ("ours: log append without HTTP, the same with os durability", lambda d: measure_log(n, 100, 8, "os", d)),
    ]
    found = {name: [] for name, _ in rows}
    for number in range(options.rounds):
        for name, run in rows:
            print(f"round {number + 1}: {name}", file=sys.stderr)
            directory = tempfile.mkdtemp(prefix="bench-", dir=ROOT / ".build/bench")
            try:
                found[name].append(run(directory))
            finally:
                shutil.rmtree(directory)

    def median(name, key):
        return statistics.median(r[key] for r in found[name]) if key in found[name][0] else None

    def shown(value, form):
        return "" if value is None else format(value, form)

    print(f"Medians of {options.rounds} rounds, {n:,} events of about 770 bytes; {os.cpu_count()} cores shared with the load generator.\n")
    print("| what | events/s | ack p50 ms | ack p99 ms | server CPU us/event | disk bytes/event | peak MiB |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name, _ in rows:
        print(f"| {name} | {median(name, 'per_s'):,.0f} | {median(name, 'p50_ms'):.2f} | {median(name, 'p99_ms'):.2f} | "
              f"{median(name, 'cpu_us'):.2f} | {shown(median(name, 'disk'), '.0f')} | {shown(median(name, 'peak_mib'), '.0f')} |")
    ratio = median(rows[0][0], "per_s") / median(rows[1][0], "per_s")
    print(f"\nOurs with fsync / Redis Streams always: {ratio:.2f}")
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
