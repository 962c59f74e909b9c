"""Kafka's clients: what librdkafka produces to us and consumes from us, beside librdkafka's own mock of a broker, which has no disk; and what slow ones cost those who post events."""
import contextlib
import re
import subprocess

import peers.ours
import report
from processes import Server
from run import client_threads, median
from slow_readers import REQUESTS, SlowReaders
from workspace import CLIENTS as PROGRAMS
from workspace import fresh_folder, read_text

TITLE = "Kafka's clients"
PACKAGES = ["librdkafka-dev"]
CLIENTS = ["http", "kafka", "kafka_mock", "kafka_topic"]
TOPIC, PARTITIONS = "bench", 12
GOAL_CONSUME, GOAL_PRODUCE, GOAL_LOSS = 1.0, 0.8, 0.05
OURS, MOCK = "**ours**, fsync", "librdkafka's mock, in memory"
# Of the events in the other sections: as many as the goals are set for with the usual 200,000.
TIMES = 10
# What each of the slow readers takes, in bytes a second.
READERS, KINDS = 20, {"nobody": None, "stuck": 0, "slow": 100_000}


def measure(run):
    return {"throughput": measure_throughput(run), "slow readers": measure_slow_readers(run)}


def measure_throughput(run):
    events = run.events * TIMES
    rounds = {name: [] for name in (OURS, MOCK)}
    for number in range(1, run.rounds + 1):
        for name, start in ((OURS, ours), (MOCK, mock)):
            run.progress(f"kafka: round {number} of {run.rounds}: {name}")
            with fresh_folder() as folder, start(folder) as server:
                rounds[name].append({f"{mode}_{key}": value for mode in ("produce", "consume") for key, value in measured(server, mode, events).items()})
    lines = [{"name": name, **{key: median(found, key) for key in found[0]}} for name, found in rounds.items()]
    report.say(f"{events:,} events of about 770 bytes, produced by one librdkafka with LZ4 and acks=all to {PARTITIONS} partitions, then consumed by another one. MB are those of "
               "the events; server CPU is that of the broker's process. The mock keeps the last 5 MiB of a partition: whoever has read all of one begins anew with it.", "")
    report.table([("broker", "", "name"), ("produce MB/s", ".1f", "produce_mb_s"), ("CPU ms/MB", ".2f", "produce_cpu_ms"), ("consume MB/s", ".1f", "consume_mb_s"),
                  ("CPU ms/MB", ".2f", "consume_cpu_ms")], lines)
    for mode, goal in (("consume", GOAL_CONSUME), ("produce", GOAL_PRODUCE)):
        ratio = lines[0][f"{mode}_mb_s"] / lines[1][f"{mode}_mb_s"]
        run.goal("kafka", f"{mode}, ours / librdkafka's mock", ratio, goal, "", at_least=True)
    return rounds


def measure_slow_readers(run):
    events = run.events * TIMES // 2
    rounds = {kind: [] for kind in KINDS}
    for number in range(1, run.rounds + 1):
        for kind, bytes_per_second in KINDS.items():
            run.progress(f"kafka: round {number} of {run.rounds}: readers: {kind}")
            with fresh_folder() as folder, peers.ours.start(folder, KAFKA_LISTEN="127.0.0.1:0") as server:
                server.load(run.events, 100, 8)
                rounds[kind].append(posted(server, events, bytes_per_second))
    base = median(rounds["nobody"], "per_s")
    lines = [{"name": kind, "ratio": median(found, "per_s") / base, **{key: median(found, key) for key in ("per_s", "p99_ms", "taken_mb")}} for kind, found in rounds.items()]
    report.say("", f"{events:,} events in gzip batches of 100 on 8 connections, as fast as they go, while {READERS} of Kafka's clients ask for all there is {REQUESTS} times over, and take "
               "nothing of what they get (stuck), or little (slow).", "")
    report.table([("readers", "", "name"), ("events/s", ",.0f", "per_s"), ("of those with nobody", ".2f", "ratio"), ("ack p99 ms", ".2f", "p99_ms"), ("taken, MB", ".1f", "taken_mb")], lines)
    for line in lines[1:]:
        run.goal("kafka", f"ingest lost to {READERS} {line['name']} readers", 1 - line["ratio"], GOAL_LOSS, "")
    return rounds


def posted(server, events, bytes_per_second):
    if bytes_per_second is None:
        return {**server.load(events, 100, 8, threads=client_threads()), "taken_mb": 0.0}
    with SlowReaders(kafka_address(server), "okla.events.raw", PARTITIONS, READERS, bytes_per_second) as readers:
        found = server.load(events, 100, 8, threads=client_threads())
        return {**found, "taken_mb": readers.byte_count / 1e6}


def kafka_address(server):
    return re.search(r'"kafka":"([^"]*)"', read_text(server.log))[1]


def measured(server, mode, events):
    cpu = server.cpu_seconds()
    found = server.load(events, events, 1, mode=mode, topic=TOPIC, partitions=PARTITIONS)
    return {"mb_s": found["mb_s"], "cpu_ms": (server.cpu_seconds() - cpu) / found["bytes"] * 1e9}


@contextlib.contextmanager
def ours(folder):
    with peers.ours.start(folder, KAFKA_LISTEN="127.0.0.1:0") as server:
        server.client = "kafka"
        server.options = {}
        server.target = kafka_address(server)
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
