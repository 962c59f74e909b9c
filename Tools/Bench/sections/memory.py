"""The greatest memory while many events go in."""
import peers.ours
from workspace import fresh_folder

TITLE = "Memory under load"
GOAL_MIB = 300
SLICES = 20


def measure(run):
    found = run.once("many events over HTTP", lambda: many_events(run))
    run.goal("memory", f"peak memory (VmHWM) while {found['events']:,} events go in over HTTP", found["peak_mib"], GOAL_MIB, "MiB",
             note=f"{found['start_mib']:.0f} MiB when it was ready")
    return found


def many_events(run):
    events = 200_000 if run.quick else 2_000_000
    run.progress(f"memory: {events:,} events over HTTP")
    with fresh_folder() as folder, peers.ours.start(folder) as server:
        start, slices, cpu = server.memory_mib(), [], []
        server.load(5000, 100, 8)
        for _ in range(SLICES):
            result = server.load(events // SLICES, 100, 8, before=lambda: cpu.append(server.cpu_seconds()))
            slices.append({**result, "cpu_us": (server.cpu_seconds() - cpu[-1]) / result["events"] * 1e6, "peak_mib": server.memory_mib()})
        return {"events": events, "start_mib": start, "peak_mib": server.memory_mib(), "slices": slices}
