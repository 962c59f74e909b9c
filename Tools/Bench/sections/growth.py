"""Whether an event costs more when there are already many."""
import report
import sections.memory
from workspace import fresh_folder

TITLE = "Cost as the log grows"
SLICES = 20
GOAL_RATIO = 1.1


def measure(run):
    records = 1_000_000 if run.quick else 20_000_000
    with fresh_folder() as folder:
        run.progress(f"growth: {records:,} records without HTTP")
        found = run.append(folder / "data", records, "os", 12, slices=SLICES)
    slices = found["slices"]
    log = [piece["cpu_s"] / piece["events"] * 1e6 for piece in slices]
    bare = [piece["reference_s"] for piece in slices]
    http = [piece["cpu_us"] for piece in run.once("many events over HTTP", lambda: sections.memory.many_events(run))["slices"]]
    lines = [line(f"log, {records:,} records, os durability", log, bare), line(f"HTTP, {sections.memory.SLICES} slices of the memory run", http)]
    report.table([("what", "", "name"), ("first slice, CPU us/event", ".2f", "first"), ("last slice", ".2f", "last"), ("least", ".2f", "least"),
                  ("most", ".2f", "most"), ("last / first", ".2f", "raw"), ("LZ4 and write alone, last / first", ".2f", "machine"),
                  ("last / first of both", ".2f", "ratio")], lines)
    for figures in lines:
        run.goal("growth", f"CPU per event, last slice / first slice: {figures['name']}", figures["ratio"], GOAL_RATIO, "")
    return {"log": found, "cpu_us": {"log": log, "http": http}}


def line(name, slices, bare=None):
    """`bare`: what the same work took around each slice, where that was measured; a shared machine is not equally fast all the time."""
    raw, machine = slices[-1] / slices[0], bare[-1] / bare[0] if bare else None
    return {"name": name, "first": slices[0], "last": slices[-1], "raw": raw, "machine": machine, "ratio": raw / (machine or 1),
            "least": min(slices), "most": max(slices)}
