"""Power cuts under load: every acknowledged event is there exactly once, at the offset that was acknowledged.

Not seen here: a drive that loses its own cache, for what ext4 has written stays in the image; and missing syncs of folders, for ext4
makes a new file's entry durable together with the file.
"""
import collections
import os
import pathlib
import signal
import subprocess

import pytest

from disk import Disk
from load import Load, Lost, check, seeded
from service import Service, run, wait_until

CUTS = int(os.environ.get("OKLA_POWER_CUTS", "100"))
# Then a new disk, so that comparing the whole log after every cut stays cheap.
CUTS_A_DISK = 20
# Without syncs, the first cut that meets an acknowledged event loses it; some cuts come before there is one.
CUTS_WITHOUT_SYNC = 10
# What the service is doing when the power goes. "writeback": under load, and the kernel has just begun to write everything.
MOMENTS = ["load", "load", "load", "load", "writeback", "writeback", "starting", "stopping"]


@pytest.fixture
def disk(tmp_path, request):
    disk, failures = Disk(tmp_path), request.session.testsfailed
    yield disk
    try:
        # A disk that a service uses can only be unmounted lazily.
        for service in list(Service.running):
            service.kill()
    finally:
        disk.unmount()
    # The images of a test that failed stay, to be looked into.
    if request.session.testsfailed == failures:
        disk.remove()


def test_nothing_acknowledged_is_lost_or_doubled_by_power_cuts(disk, tmp_path, measured):
    chance = seeded(f"{CUTS} power cuts")
    totals = collections.Counter()
    while totals["cuts"] < CUTS:
        cut_power(disk, chance, min(CUTS_A_DISK, CUTS - totals["cuts"]), totals, tmp_path / "service.log")
    tails = (tmp_path / "service.log").read_text().count("a torn tail was cut off")
    measured(f"{totals['cuts']} cuts, {totals['acknowledged']} events acknowledged, {totals['stored']} stored, "
             f"{totals['repeats']} requests repeated, {tails} torn tails cut off")
    assert totals["acknowledged"] > CUTS and totals["repeats"] > 0


@pytest.mark.parametrize("files", [{}, {"NO_SYNC_OF": ".journal"}], ids=["of every file", "of the journal"])
def test_without_syncs_power_cuts_lose_what_was_acknowledged(disk, tmp_path, files, measured):
    """The test above can fail: the same cuts of a service whose syncs do nothing."""
    chance = seeded(f"at most {CUTS_WITHOUT_SYNC} power cuts without syncs")
    shim = tmp_path / "no_sync.so"
    source = pathlib.Path(__file__).parent / "preload/no_sync.c"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O", "-Wall", "-Werror", "-o", str(shim), str(source)], check=True)
    totals = collections.Counter()
    with pytest.raises(Lost) as lost:
        cut_power(disk, chance, CUTS_WITHOUT_SYNC, totals, tmp_path / "service.log", {"LD_PRELOAD": str(shim), **files}, is_plain=True)
    measured(f"after {totals['cuts']} cuts: {lost.value}")


def cut_power(disk, chance, cuts, totals, log_path, environment=None, is_plain=False):
    """Cuts the power `cuts` times on a new disk, and compares the whole log with every acknowledgement after each.

    Plain cuts come under load and find nothing half written: without syncs the others leave things that no start can go on from, an
    empty meta.properties among them, before an event is missed.
    """
    environment = dict(environment or {})
    if is_plain:
        # Nothing but the service's own syncs makes anything durable meanwhile, as the file system's commits would every 5 s.
        disk.make(options="commit=300")
    else:
        disk.make(block_bytes=chance.choice([1024, 4096]), options=chance.choice(["", "nodelalloc", "data=writeback"]))
        # Small segments on half of the disks, so that cuts fall into rolling too.
        if chance.random() < 0.5:
            environment["LOG_SEGMENT_BYTES"] = "65536"
    service = Service(disk.path / "data", environment, log_path=log_path)
    with Load(chance) as load:
        for _ in range(cuts):
            cut_once(disk, service, load, chance, is_plain)
            totals["cuts"] += 1
        start_and_check(service, load, chance)
        load.wait(0.1)
        load.finish()
    assert service.stop() == 0
    totals["stored"] += check(service, load.clients)
    totals["acknowledged"] += len(load.acknowledged)
    totals["repeats"] += load.repeats
    verified = run("log", "verify", "--data-dir", service.data_dir)
    assert verified.returncode == 0, verified.stdout


def cut_once(disk, service, load, chance, is_plain):
    moment = "load" if is_plain else chance.choice(MOMENTS)
    writeback = None
    if moment == "starting":
        service.start(wait=False)
        load.wait(chance.random() * 0.1)
    else:
        start_and_check(service, load, chance)
        if is_plain:
            known = len(load.acknowledged)
            wait_until(lambda: len(load.acknowledged) > known)
        load.wait(chance.choice([0.01, 0.05, 0.1, 0.2, 0.3]) * chance.random())
        if moment == "stopping":
            service.process.send_signal(signal.SIGTERM)
            load.wait(chance.random() * 0.05)
        elif moment == "writeback":
            writeback = subprocess.Popen(["sync", "--file-system", str(disk.path)], stderr=subprocess.DEVNULL)
            load.wait(chance.random() * 0.01)
    # An answer that came before the cut must hold; one that comes after it would never have come.
    load.ports.distrust()
    disk.cut(flushing_journal=not is_plain and chance.random() < 0.3)
    load.ports.set(None)
    service.kill()
    if writeback:
        writeback.wait(timeout=60)
    disk.restore()


def start_and_check(service, load, chance):
    """Starts the service, compares, asks it for some duplicates, and lets the clients go on."""
    service.start()
    check(service, load.clients)
    acknowledged = load.acknowledged
    known = chance.sample(sorted(acknowledged), min(100, len(acknowledged)))
    if known:
        events = [
            {"event": "vehicle_view", "messageId": message, "userId": acknowledged[message][2], "properties": {"vehicleId": "v"}}
            for message in known]
        answer = service.post("/api/events?receipts=true", events, compress="gzip")
        assert answer.status == 202, answer.body
        for message, result in zip(known, answer.json["results"]):
            assert (result["messageId"], result["status"], result["partition"], result["offset"]) == \
                (message, "duplicate", *acknowledged[message][:2]), result
    load.ports.set(service.port)
