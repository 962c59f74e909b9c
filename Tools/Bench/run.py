"""One run of the benchmark: its options, and what the sections share."""
import json
import os
import statistics
import subprocess
import sys

import report
from processes import Failure, Store
from workspace import LOG_BENCH, WORK, fresh_folder


class Run:
    def __init__(self, options):
        self.quick, self.events, self.rounds = options.quick, options.events, options.rounds
        self.peers, self.picture = options.peers, options.picture
        self.figures = {}  # by section, all raw numbers
        self.goals = []
        self.floor_rounds = []
        self._kept = {}

    def progress(self, text):
        print(text, file=sys.stderr, flush=True)

    def goal(self, *arguments, **more):
        """Prints a figure beside its goal, and keeps it for the end."""
        goal = report.Goal(*arguments, **more)
        self.goals.append(goal)
        report.say(str(goal), "")
        return goal

    def once(self, name, make):
        """What several sections use is measured once."""
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]

    # ---- the floor

    @property
    def floor_events(self):
        return min(self.events, 200_000)

    def measure_floor(self):
        """One more measurement of the bare floor."""
        with fresh_folder() as folder:
            found = Store("floor", folder / "data/floor.log", folder).load(self.floor_events, 100, 1)
        self.floor_rounds.append(found)
        return found

    def floor(self):
        """Medians of what was measured of the floor: ns per event by stage, and the total."""
        while len(self.floor_rounds) < self.rounds:
            self.progress("floor")
            self.measure_floor()
        return {stage: statistics.median(found["ns"][stage] for found in self.floor_rounds) for stage in self.floor_rounds[0]["ns"]}

    def floor_append_us(self):
        """What the log cannot do without, in us per event: LZ4, CRC-32C and write(2). Measured now: the speed of a shared machine changes."""
        floor = self.measure_floor()["ns"]
        return (floor["lz4"] + floor["crc32c"] + floor["write"]) / 1e3

    def bodies(self):
        """A file of the floor's own batches, for programs that make none."""
        def make():
            Store("bodies", WORK / "bodies", WORK).load(self.floor_events, 100, 1)
            return WORK / "bodies"
        return self.once("bodies", make)

    # ---- the project's own programs

    def program(self, *command):
        """What a program of ours measures, which it prints as JSON."""
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        if done.returncode:
            raise Failure(f"It failed: {' '.join(map(str, command))}\n{done.stderr[-2000:]}")
        return json.loads(done.stdout)

    def append(self, folder, records, durability, partitions, slices=1, topic="okla.events.raw"):
        """Appends records without HTTP, in groups of 100 from 8 tasks."""
        found = self.program(LOG_BENCH, "append", folder, "--topic", topic, "--records", records, "--group", 100, "--tasks", 8,
                               "--partitions", partitions, "--durability", durability, "--slices", slices)
        found["cpu_us"] = found["cpu_s"] / found["events"] * 1e6
        return found


def client_threads():
    """Threads of the load generator: one is enough for a small machine, and leaves the rest to the server."""
    return max(1, os.cpu_count() // 4)


def median(rounds, key):
    values = [found[key] for found in rounds if found.get(key) is not None]
    return statistics.median(values) if values else None


def medians(rounds):
    """Of every number in the rounds' figures."""
    return {key: median(rounds, key) for key, value in rounds[0].items() if isinstance(value, (int, float)) or value is None}
