"""Ours beside the peers and the bare floor, in alternation: round 1 of every row, round 2 of every row, and so on."""
import peers.ours
import picture
import proof
import report
from processes import InClient
from run import client_threads, median, medians
from workspace import fresh_folder

TITLE = "Beside the alternatives"
WARM_UP_EVENTS = 5000
FLOOR = "the bare floor: the work alone, one core"
COLUMNS = [
    ("what", "", "name"), ("events/s", ",.0f", "per_s"), ("ack p50 ms", ".2f", "p50_ms"), ("ack p99 ms", ".2f", "p99_ms"),
    ("ack waits for the disk", "", "waits_for_disk"), ("syncs/batch", ".2f", "syncs_per_batch"),
    ("server CPU us/event", ".2f", "cpu_us"), ("client CPU us/event", ".2f", "client_cpu_us"),
    ("disk bytes/event", ",.0f", "disk_per_event"), ("peak MiB", ",.0f", "peak_mib"),
]


def measure(run):
    compared = peers.every(run.peers)
    rows = [row for peer in compared for row in peer.rows()]
    rounds = {row.name: [] for row in rows} | {FLOOR: []}
    proofs = {FLOOR: {"waits_for_disk": "no", "syncs_per_batch": 0.0}}
    for number in range(1, run.rounds + 1):
        for row in rows:
            run.progress(f"round {number} of {run.rounds}: {row.name}")
            with fresh_folder() as folder, row.start(folder) as store:
                rounds[row.name].append(one_round(run, row, store))
                if row.name not in proofs:
                    proofs[row.name] = proof.prove(store, row.batch, row.connections, 40 if row.batch > 1 else 1000)
        run.progress(f"round {number} of {run.rounds}: {FLOOR}")
        floor = run.measure_floor()
        rounds[FLOOR].append({**floor, "cpu_us": floor["ns"]["total"] / 1e3, "client_cpu_us": None, "disk_per_event": floor["bytes_per_event"]})

    lines = {name: {"name": name, **medians(found), **proofs[name]} for name, found in rounds.items()}
    report.say(f"{run.events:,} events a row (a fourth of them where each takes long, more where they are soon over) of about {rounds[FLOOR][0]['json_bytes_per_event']:.0f} bytes; batches of 100 on 8 connections "
               "with one in flight each, single events on 64.", "")
    report.table(COLUMNS, lines.values())
    journal = max((line.get("journal_mib") or 0 for line in lines.values()), default=0)
    report.say(f"Not in the disk bytes of ours: the journal, {journal:.0f} MiB at most, whose files are used again and again.", "")
    ratios = compare(run, rows, lines)
    if run.picture:
        picture.draw(run.picture, [{"ours": row.ours, **lines[row.name]} for row in rows if row.batch > 1])
    versions = {name: version for peer in compared for name, version in peer.versions().items()}
    return {"rounds": rounds, "proofs": proofs, "medians": lines, "ratios": ratios, "versions": versions}


def one_round(run, row, store):
    events = int(run.events * row.share)
    threads = {"threads": client_threads()}
    store.load(WARM_UP_EVENTS, row.batch, row.connections, **threads)
    earlier = {}

    def look():
        earlier.update(disk=store.disk_bytes(), cpu=store.cpu_seconds())
    if isinstance(store, InClient):
        found = store.load(events, row.batch, row.connections, before=look)
        found.update(cpu_us=found["client_cpu_s"] / events * 1e6, client_cpu_us=None, peak_mib=found["client_grown_mib"])
    else:
        with store.watched_memory() as memory:
            found = store.load(events, row.batch, row.connections, before=look, **threads)
            cpu = store.cpu_seconds() - earlier["cpu"]
        found.update(cpu_us=cpu / events * 1e6, client_cpu_us=found["client_cpu_s"] / events * 1e6, peak_mib=max(memory))
    found["disk_per_event"] = (store.disk_bytes() - earlier["disk"]) / events
    if isinstance(store, peers.ours.Ours):
        found["journal_mib"] = store.journal_mib()
    return found


def compare(run, rows, lines):
    """Events a second of ours over each of the others: batches with batches, single events with single ones."""
    batches, single = lines[peers.ours.BATCHES], lines[peers.ours.SINGLE]
    run.once("top rate", lambda: batches["per_s"])
    ratios = []
    for row in rows:
        if not row.ours:
            theirs = lines[row.name]["per_s"]
            ratio = {"name": row.name, "fsync": (batches if row.batch > 1 else single)["per_s"] / theirs}
            ratios.append(ratio if row.batch == 1 else {**ratio, "os": lines[peers.ours.BATCHES_OS]["per_s"] / theirs})
    cpu = batches["cpu_us"] / (run.floor()["total"] / 1e3)
    report.table([("events/s of ours over those of", "", "name"), ("ours: fsync", ".2f", "fsync"), ("ours: durability os", ".2f", "os")], ratios)
    goals(run, rows, lines, cpu)
    return {"events_per_s": ratios, "cpu_over_floor": cpu}


def goals(run, rows, lines, cpu):
    """Against those that took part. nginx looks at nothing that it stores, so it is measured against with single events only."""
    batches = lines[peers.ours.BATCHES]["per_s"]
    others = {row.name: lines[row.name] for row in rows if not row.ours and row.batch > 1 and not row.name.startswith("nginx")}
    for name, line in others.items():
        if name == "Redis Streams, appendfsync always":
            run.goal("peers", f"events/s of ours with fsync over {name}", batches / line["per_s"], 1.7, "", at_least=True)
    unsynced = {name: line["per_s"] for name, line in others.items() if line["waits_for_disk"] == "no"}
    if unsynced:
        fastest = max(unsynced, key=unsynced.get)
        run.goal("peers", "events/s of ours with fsync over the fastest that does not wait for the disk", batches / unsynced[fastest], 1, "",
                 at_least=True, note=fastest)
    run.goal("peers", "server CPU per event, fsync, gzip batches / the bare floor", cpu, 2, "")
    for row in rows:
        if row.name == "nginx, body to a file, single events":
            run.goal("peers", "single events/s of ours with fsync over nginx", lines[peers.ours.SINGLE]["per_s"] / lines[row.name]["per_s"], 0.6, "",
                     at_least=True)
