"""The index of users: what it costs as it grows, what a look-up takes, and how far it is behind while events come."""
import http.client
import json
import threading
import time

import peers.ours
import report
from run import client_threads
from workspace import INDEX_BENCH, fresh_folder

TITLE = "The index of users"
GOAL_RATIO = 1.3
GOAL_P99_MS = 10
GOAL_RATE = 100_000
PARTITIONS, HEAVY = 12, 10_000
GROUP = "user-index"
CAUGHT_UP_WITHIN_S = 300


def measure(run):
    million = 1_000_000
    events, users, starts, window = (3 * million, 120_000, [1 * million, 2 * million], million) if run.quick else (
        50 * million, 2 * million, [1 * million, 10 * million, 49 * million], million)
    with fresh_folder() as folder:
        run.progress(f"index: {events:,} events without HTTP")
        found = run.program(INDEX_BENCH, folder, "--events", events, "--users", users, "--partitions", PARTITIONS,
                            "--windows", ",".join(map(str, starts)), "--window", window, "--heavy", HEAVY)
    report.say(f"{events:,} events of {users:,} users, the one of rank k with a probability like 1/k; a log that was generated directly.", "")
    lines = [{**piece, "name": f"the million after {piece['start']:,}", "own_cpu_us": piece["cpu_us"] - piece["reading_cpu_us"]} for piece in found["windows"]]
    report.table([("indexing", "", "name"), ("CPU us/event", ".2f", "cpu_us"), ("by the clock", ".2f", "us"), ("reading alone, CPU", ".2f", "reading_cpu_us"),
                  ("the index's own", ".2f", "own_cpu_us")], lines)
    report.say(f"All of it made anew: {found['rebuilt_per_s']:,.0f} events/s (reading alone: {found['read_per_s']:,.0f}). "
               f"{found['index_bytes'] / events:.2f} bytes of index for each event.", "")
    looked = [{"name": "a median user", **found["median"]}, {"name": f"a user of about {HEAVY:,}", **found["heavy"]}]
    report.table([("the newest 100 events of", "", "name"), ("events found", ".1f", "events"), ("p50 ms", ".2f", "p50_ms"), ("p99 ms", ".2f", "p99_ms"),
                  ("most", ".2f", "most_ms")], looked)
    costs = [piece["cpu_us"] for piece in found["windows"]]
    run.goal("index", "CPU per event of indexing, the dearest million / the cheapest", max(costs) / min(costs), GOAL_RATIO, "")
    for line in looked:
        run.goal("index", f"look-up of {line['name']}, p99, warm cache, {events:,} events", line["p99_ms"], GOAL_P99_MS, "ms")
    return {"index": found, "lag": lag(run)}


def lag(run):
    """How far the index is behind what is acknowledged, while 100,000 events a second go in."""
    seconds = 5 if run.quick else 30
    run.progress(f"index: {GOAL_RATE:,} events/s over HTTP for {seconds} s")
    with fresh_folder() as folder, peers.ours.start(folder, ADMIN_TOKEN="bench") as server:
        server.load(5000, 100, 8)
        seen, is_over = [], threading.Event()

        def watch():
            while not is_over.wait(0.1):
                seen.append(lag_now(server))
        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        load = server.load(GOAL_RATE * seconds, 100, 8, rate=GOAL_RATE / 100, threads=client_threads())
        is_over.set()
        watcher.join()
        caught_up = time.monotonic()
        while lag_now(server)[GROUP] > 0:
            if time.monotonic() - caught_up > CAUGHT_UP_WITHIN_S:
                raise RuntimeError(f"{GROUP} is not at the end {CAUGHT_UP_WITHIN_S} s after the last event")
            time.sleep(0.02)
        caught_up = time.monotonic() - caught_up
    lines = [{"name": group, "median": sorted(sample[group] for sample in seen)[len(seen) // 2], "most": max(sample[group] for sample in seen)}
             for group in seen[0]]
    report.say(f"While {load['per_s']:,.0f} events/s went in for {seconds} s (acknowledged within {load['p50_ms']:.1f} ms, p99 {load['p99_ms']:.1f}):", "")
    report.table([("consumer", "", "name"), ("events behind, median", ",.0f", "median"), ("most", ",.0f", "most")], lines)
    report.say(f"After the last event the index was at the end within {caught_up:.2f} s. Records wait up to `Log.Linger` (1 s by default) for their batch to fill.", "")
    return {"load": load, "groups": lines, "caught_up_s": caught_up}


def lag_now(server):
    connection = http.client.HTTPConnection("127.0.0.1", int(server.target), timeout=30)
    try:
        connection.request("GET", "/api/admin/consumers", headers={"Authorization": "Bearer bench"})
        return {consumer["group"]: consumer["lag"] for consumer in json.loads(connection.getresponse().read())["consumers"]}
    finally:
        connection.close()
