"""Kafka's clients: what librdkafka produces to us and consumes from us, beside librdkafka's own mock of a broker, which has no disk."""
import contextlib
import re
import subprocess

import peers.ours
import report
from processes import Server
from run import median
from workspace import CLIENTS as PROGRAMS
from workspace import fresh_folder, read_text

TITLE = "Kafka's clients"
PACKAGES = ["librdkafka-dev"]
CLIENTS = ["kafka", "kafka_mock", "kafka_topic"]
TOPIC, PARTITIONS = "bench", 12
GOAL_CONSUME, GOAL_PRODUCE = 1.0, 0.8
OURS, MOCK = "**ours**, fsync", "librdkafka's mock, in memory"
# Of the events in the other sections: as many as the goals are set for with the usual 200,000.
TIMES = 10


def measure(run):
    events = run.events * TIMES
    rounds = {name: [] for name in (OURS, MOCK)}
    for number in range(1, run.rounds + 1):
        for name, start in ((OURS, ours), (MOCK, mock)):
            run.progress(f"kafka: round {number} of {run.rounds}: {name}")
            with fresh_folder() as folder, start(folder) as server:
                rounds[name].append({f"{mode}_{key}": value for mode in ("produce", "consume") for key, value in measured(server, mode, events).items()})
    lines = [{"name": name, **{key: median(found, key) for key in found[0]}} for name, found in rounds.items()]
    report.say(f"{events:,} events of about 770 bytes, produced by one librdkafka with LZ4 and acks=all to {PARTITIONS} partitions, then consumed by another one. MB are those of "
               "the events; server CPU is that of the broker's process. The mock keeps the last 5 MiB of a partition, so its consumer reads those again and again.", "")
    report.table([("broker", "", "name"), ("produce MB/s", ".1f", "produce_mb_s"), ("CPU ms/MB", ".2f", "produce_cpu_ms"), ("consume MB/s", ".1f", "consume_mb_s"),
                  ("CPU ms/MB", ".2f", "consume_cpu_ms")], lines)
    for mode, goal in (("consume", GOAL_CONSUME), ("produce", GOAL_PRODUCE)):
        ratio = lines[0][f"{mode}_mb_s"] / lines[1][f"{mode}_mb_s"]
        run.goal("kafka", f"{mode}, ours / librdkafka's mock", ratio, goal, "", at_least=True)
    return {"rounds": rounds}


def measured(server, mode, events):
    cpu = server.cpu_seconds()
    found = server.load(events, events, 1, mode=mode, topic=TOPIC, partitions=PARTITIONS)
    return {"mb_s": found["mb_s"], "cpu_ms": (server.cpu_seconds() - cpu) / found["bytes"] * 1e9}


@contextlib.contextmanager
def ours(folder):
    with peers.ours.start(folder, KAFKA_LISTEN="127.0.0.1:0") as server:
        server.client = "kafka"
        server.options = {}
        server.target = re.search(r'"kafka":"([^"]*)"', read_text(server.log))[1]
        make_topic(server.target)
        yield server


def make_topic(bootstrap):
    """With as many partitions as the mock's has: a topic that a client's first request makes has one."""
    subprocess.run([PROGRAMS / "kafka_topic", bootstrap, TOPIC, str(PARTITIONS)], check=True)


@contextlib.contextmanager
def mock(folder):
    with Server([PROGRAMS / "kafka_mock", TOPIC, PARTITIONS], "ready", folder, "kafka") as server:
        server.target = re.search(r"^ready (\S+)", read_text(server.log), re.MULTILINE)[1]
        yield server
