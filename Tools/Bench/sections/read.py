"""Reading the log from its beginning, and decoding every record."""
import report
from run import median
from workspace import LOG_BENCH, fresh_folder

TITLE = "Reading the log"
GOAL_GB_PER_S = 1.5


def measure(run):
    records, rounds = run.events * 10, []
    with fresh_folder() as folder:
        run.progress(f"read: writing {records:,} records")
        run.append(folder / "data", records, "os", 12)
        for number in range(1, run.rounds + 1):
            run.progress(f"read: round {number} of {run.rounds}")
            found = run.program(LOG_BENCH, "read", folder / "data", "--topic", "okla.events.raw")
            found["gb_per_core_s"] = found["uncompressed_bytes"] / found["cpu_s"] / 1e9
            found["gb_per_s"] = found["uncompressed_bytes"] / found["seconds"] / 1e9
            rounds.append(found)
    rate = median(rounds, "gb_per_core_s")
    report.say(f"{rounds[0]['records']:,} records, {rounds[0]['file_bytes'] / 1e6:,.0f} MB on the disk (in the page cache), "
               f"{rounds[0]['uncompressed_bytes'] / 1e6:,.0f} MB uncompressed: {rate:.2f} GB a second of CPU time, "
               f"{median(rounds, 'gb_per_s'):.2f} GB/s by the clock.", "")
    run.goal("read", "uncompressed bytes read and decoded per second and core", rate, GOAL_GB_PER_S, "GB/s", at_least=True)
    return {"rounds": rounds}
