"""How long an acknowledgement takes when the service is not pushed to its limit."""
import machine
import peers.ours
import report
from run import median
from workspace import fresh_folder

TITLE = "Acknowledgements at half the top rate"
GOAL_P99_MS = 5
GOAL_SYNC_MS = 0.2  # the disk for which the goal is set


def measure(run):
    top = run.once("top rate", lambda: top_rate(run))
    seconds, rate = (5 if run.quick else 20), top / 2 / 100
    events = int(rate * seconds) * 100
    rounds, syncs = [], []
    for number in range(1, run.rounds + 1):
        run.progress(f"latency: round {number} of {run.rounds}, {rate:.0f} batches/s")
        with fresh_folder() as folder, peers.ours.start(folder) as server:
            server.load(5000, 100, 8)
            rounds.append(server.load(events, 100, 8, rate=rate))
        syncs.append(machine.sync_times(300))
    report.say(f"{rate:.0f} gzip batches of 100 a second, half of {top:,.0f} events/s, fall due at even intervals on 8 connections; a batch's time "
               "counts from when it was due.", "")
    disk = {kind: {key: median([found[kind] for found in syncs], key) for key in ("p50_ms", "p99_ms")} for kind in ("append", "overwrite")}
    lines = [{"name": "acknowledgement, fsync", "p50_ms": median(rounds, "p50_ms"), "p99_ms": median(rounds, "p99_ms")},
             {"name": "this disk: fdatasync of 77 kB appended", **disk["append"]},
             {"name": "this disk: fdatasync of 77 kB written over preallocated bytes", **disk["overwrite"]}]
    report.table([("what", "", "name"), ("p50 ms", ".2f", "p50_ms"), ("p99 ms", ".2f", "p99_ms")], lines)
    quick_disk = disk["overwrite"]["p50_ms"] <= GOAL_SYNC_MS
    note = "" if quick_disk else f"set for a disk that syncs in {GOAL_SYNC_MS} ms; this one takes {disk['overwrite']['p50_ms']:.2f} ms"
    run.goal("latency", "acknowledgement p99 at half the top rate", lines[0]["p99_ms"], GOAL_P99_MS, "ms", note=note)
    return {"batches_per_s": rate, "rounds": rounds, "syncs": syncs}


def top_rate(run):
    run.progress("latency: the top rate")
    with fresh_folder() as folder, peers.ours.start(folder) as server:
        server.load(5000, 100, 8)
        return server.load(run.events, 100, 8)["per_s"]
