"""The ways out of the log: how fast each takes what the log holds, beside what its server takes of the plainest client; and what it costs the
ingest that all of them are away."""
import contextlib
import json
import sqlite3
import time
import urllib.request

import peers.ours
import report
import targets.clickhouse
import targets.rabbitmq
import targets.redis
from processes import wait_until
from run import client_threads, median
from workspace import free_port, fresh_folder

TITLE = "Exporters"
TARGETS = [targets.clickhouse, targets.redis, targets.rabbitmq]
PACKAGES = sorted({package for target in TARGETS for package in target.PACKAGES})
CLIENTS = sorted({client for target in TARGETS for client in getattr(target, "CLIENTS", [])})
GOAL_OF_LIMIT = 0.7
GOAL_LOSS = 0.10
DRAIN_SECONDS_MAX = 300
TOKEN = "bench"


def measure(run):
    rounds = {target.NAME: [] for target in TARGETS}
    for number in range(1, run.rounds + 1):
        with fresh_folder() as folder:
            run.progress(f"export: round {number} of {run.rounds}: a log of {run.events:,} events")
            with peers.ours.start(folder, ADMIN_TOKEN=TOKEN) as service:
                service.load(run.events, 100, 8, threads=client_threads())
                wait_for(service, lambda group: group["lag"] == 0)
                wait_for_sessions(folder)
            for target in TARGETS:
                run.progress(f"export: round {number} of {run.rounds}: {target.NAME}")
                rounds[target.NAME].append(exported(target, folder, run.events))
    lines = [{"name": target.NAME, "plainest": target.PLAINEST, **{key: median(rounds[target.NAME], key) for key in rounds[target.NAME][0]}}
             for target in TARGETS]
    report.say(f"{run.events:,} events lie in the log, and what the service makes of them for itself is made; then it is started with one exporter. From the start of the "
               "export until the other side has confirmed everything; what is no whole batch at the end waits for more until FlushInterval is over, and is not counted. The "
               "exporter's server has the cores beside it. The plainest client writes to a fresh server, just after.", "")
    report.table([("exporter", "", "name"), ("events/s", ",.0f", "per_s"), ("service CPU us/event", ".2f", "cpu_us"), ("server CPU us/event", ".2f", "server_cpu_us"),
                  ("plainest client", "", "plainest"), ("its events/s", ",.0f", "limit_per_s"), ("of it", ".2f", "of_limit")], lines)
    for target, line in zip(TARGETS, lines):
        if line["per_s"] >= target.GOAL or line["of_limit"] < GOAL_OF_LIMIT:
            run.goal("export", f"events to {target.NAME}", line["per_s"], target.GOAL, "/s", at_least=True)
        if line["per_s"] < target.GOAL:
            run.goal("export", f"events to {target.NAME} / what its server takes of {target.PLAINEST}", line["of_limit"], GOAL_OF_LIMIT, "", at_least=True)
    return {"rounds": rounds, "away": away(run)}


def consumers(service):
    request = urllib.request.Request(f"http://127.0.0.1:{service.target}/api/admin/consumers", headers={"Authorization": f"Bearer {TOKEN}"})
    return json.load(urllib.request.urlopen(request))["consumers"]


def wait_for(service, is_done):
    """Waits until each of the groups is as it should be."""
    wait_until(lambda: all(map(is_done, consumers(service))), DRAIN_SECONDS_MAX, lambda: f"Consumers are not done: {consumers(service)}")


def wait_for_sessions(folder):
    """Waits until the service has ended all sessions. Their events' timestamps are of long ago: each waits a minute for more of them."""
    with contextlib.closing(sqlite3.connect(f"file:{folder}/data/projections/sessions.sqlite?mode=ro", uri=True)) as sessions:
        def open_count():
            return sessions.execute("SELECT count(due) FROM sessions").fetchone()[0]
        wait_until(lambda: open_count() == 0, DRAIN_SECONDS_MAX, lambda: f"{open_count()} sessions have not ended")


def wait_for_rest(service, name, most):
    """Waits until the other side of an exporter has confirmed all but so many events; returns how many these are."""
    found = {}

    def is_done(group):
        if group["group"] == name:
            found["rest"] = sum(part["endOffset"] - part["committed"] for part in group["partitions"])
            return found["rest"] <= most
        return True
    wait_for(service, is_done)
    return found["rest"]


def exported(target, log_folder, events):
    rest_max = getattr(target, "REST", 0)
    with fresh_folder() as folder:
        with target.start(folder) as server:
            settings = target.settings(server)
            # Each begins at the log's beginning.
            for file in (log_folder / "data/exporters").glob("*"):
                file.unlink()
            server_cpu = server.cpu_seconds()
            begun = time.monotonic()
            with peers.ours.start(log_folder, ADMIN_TOKEN=TOKEN, **settings) as service:
                begun, cpu = begun + service.ready_seconds, service.cpu_seconds()
                rest = wait_for_rest(service, target.NAME, rest_max if events > rest_max else 0)
                took = time.monotonic() - begun
                wait_for_rest(service, target.NAME, 0)
                found = {"per_s": (events - rest) / took, "cpu_us": (service.cpu_seconds() - cpu) / events * 1e6,
                         "server_cpu_us": (server.cpu_seconds() - server_cpu) / events * 1e6}
            kept = target.keep(server, log_folder) if hasattr(target, "keep") else None
    with fresh_folder() as folder, target.start(folder) as server:
        found["limit_per_s"] = target.limit(server, events, kept)
    return {**found, "of_limit": found["per_s"] / found["limit_per_s"]}


def away(run):
    """Nobody listens where the servers should be, for the whole of the run."""
    nobody = {"CLICK_HOUSE_HOST": "127.0.0.1", "CLICK_HOUSE_PORT": str(free_port()), "REDIS_URL": f"redis://127.0.0.1:{free_port()}",
              "RABBIT_MQ_URL": f"amqp://guest:guest@127.0.0.1:{free_port()}"}
    events, rounds = run.events * 5, {"off": [], "away": []}
    for number in range(1, run.rounds + 1):
        for kind, settings in {"off": {}, "away": nobody}.items():
            run.progress(f"export: round {number} of {run.rounds}: exporters {kind}")
            with fresh_folder() as folder, peers.ours.start(folder, ADMIN_TOKEN=TOKEN, **settings) as service:
                service.load(5000, 100, 8)
                cpu = service.cpu_seconds()
                found = service.load(events, 100, 8, threads=client_threads())
                rounds[kind].append({**found, "cpu_us": (service.cpu_seconds() - cpu) / events * 1e6,
                                     "lag": sum(group["lag"] for group in consumers(service) if group["group"] in {target.NAME for target in TARGETS})})
    lines = [{"name": name, **{key: median(rounds[kind], key) for key in ("per_s", "p99_ms", "cpu_us", "lag")}}
             for kind, name in (("off", "off"), ("away", "configured, and all three servers down"))]
    report.say(f"{events:,} events in gzip batches of 100 on 8 connections, as fast as they go.", "")
    report.table([("exporters", "", "name"), ("events/s", ",.0f", "per_s"), ("ack p99 ms", ".2f", "p99_ms"), ("service CPU us/event", ".2f", "cpu_us"),
                  ("lag of the three at the end", ",.0f", "lag")], lines)
    run.goal("export", "ingest lost while all three servers are down", 1 - lines[1]["per_s"] / lines[0]["per_s"], GOAL_LOSS, "")
    return rounds
