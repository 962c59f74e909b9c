"""The log alone, without HTTP."""
import report
from run import medians
from workspace import disk_bytes, fresh_folder

TITLE = "Appending to the log, without HTTP"
PARTITIONS = [1, 12, 64]
GOAL_RATIO = 1.5


def measure(run):
    records = run.events * 5
    rounds = {(durability, partitions): [] for durability in ("fsync", "os") for partitions in PARTITIONS}
    for number in range(1, run.rounds + 1):
        for (durability, partitions), found in rounds.items():
            run.progress(f"append: round {number} of {run.rounds}, {durability}, {partitions} partitions")
            bare = run.floor_append_us()
            with fresh_folder() as folder:
                result = run.append(folder / "data", records, durability, partitions)
                result["disk_per_event"] = disk_bytes(folder / "data") / result["events"]
                found.append({**result, "bare_us": bare, "ratio": result["cpu_us"] / bare})
    lines = []
    for (durability, partitions), found in rounds.items():
        lines.append({"name": f"{durability}, {partitions} partition{'s' if partitions > 1 else ''}", **medians(found)})
    report.say(f"{records:,} records in groups of 100 from 8 tasks. The ratio is each time to LZ4, CRC-32C and write(2) alone, measured just before.", "")
    report.table([("what", "", "name"), ("events/s", ",.0f", "per_s"), ("ack p50 ms", ".2f", "p50_ms"), ("ack p99 ms", ".2f", "p99_ms"),
                  ("CPU us/event", ".2f", "cpu_us"), ("LZ4 + CRC + write", ".2f", "bare_us"),
                  ("ratio", ".2f", "ratio"), ("disk bytes/event", ",.0f", "disk_per_event")], lines)
    goal = next(line for line in lines if line["name"] == "os, 12 partitions")
    run.goal("append", "CPU of an append, os durability, 12 partitions / LZ4 + CRC + write of the floor", goal["ratio"], GOAL_RATIO, "")
    return {"rounds": {f"{durability} {partitions}": found for (durability, partitions), found in rounds.items()}}
