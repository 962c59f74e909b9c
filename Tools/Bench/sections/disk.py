"""Bytes on the disk for each event: allocated blocks, without what a service that has stored nothing allocates."""
import peers.ours
import report
from workspace import disk_bytes, fresh_folder

TITLE = "Bytes on the disk"
GOALS = {"batches of 100": 160, "single events, 5,000/s": 220}


def measure(run):
    run.progress("disk: an empty service")
    with fresh_folder() as folder, peers.ours.start(folder) as server:
        empty = {"running": server.disk_bytes()}
        server.end()
        empty["stopped"] = server.disk_bytes()
    singles = 10_000 if run.quick else 100_000
    loads = {"batches of 100": dict(events=run.events, batch=100, connections=8),
             "single events, 5,000/s": dict(events=singles, batch=1, connections=64, rate=5000)}
    found = {}
    for name, load in loads.items():
        run.progress(f"disk: {name}")
        with fresh_folder() as folder, peers.ours.start(folder) as server:
            result = server.load(**load)
            running = server.disk_bytes()
            server.end()
            stopped = disk_bytes(server.data)
        events = load["events"]
        found[name] = {"events": events, "json_bytes_per_event": result["bytes"] / events, "per_s": result["per_s"],
                       "running": (running - empty["running"]) / events, "stopped": (stopped - empty["stopped"]) / events}
    report.table([("what", "", "name"), ("events", ",", "events"), ("events/s", ",.0f", "per_s"), ("JSON bytes/event", ",.0f", "json_bytes_per_event"),
                  ("disk bytes/event, running", ",.0f", "running"), ("stopped", ",.0f", "stopped")],
                 [{"name": name, **figures} for name, figures in found.items()])
    report.say(f"Taken off: an empty service's {empty['running']:,} bytes while it runs, {empty['stopped']:,} when it is stopped.", "")
    for name, limit in GOALS.items():
        run.goal("disk", f"disk bytes per event, {name}, after a clean stop", found[name]["stopped"], limit, "bytes")
    return {"empty": empty, "loads": found}
