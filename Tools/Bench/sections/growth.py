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
    log = [piece["cpu_s"] / piece["events"] * 1e6 for piece in found["slices"]]
    http = [piece["cpu_us"] for piece in run.once("many events over HTTP", lambda: sections.memory.many_events(run))["slices"]]
    lines = [line(f"log, {records:,} records, os durability", log), line(f"HTTP, {sections.memory.SLICES} slices of the memory run", http)]
    report.table([("what", "", "name"), ("first slice, CPU us/event", ".2f", "first"), ("last slice", ".2f", "last"), ("last / first", ".2f", "ratio"),
                  ("least", ".2f", "least"), ("most", ".2f", "most")], lines)
    for figures in lines:
        run.goal("growth", f"CPU per event, last slice / first slice: {figures['name']}", figures["ratio"], GOAL_RATIO, "")
    return {"log": found, "cpu_us": {"log": log, "http": http}}


def line(name, slices):
    return {"name": name, "first": slices[0], "last": slices[-1], "ratio": slices[-1] / slices[0], "least": min(slices), "most": max(slices)}
