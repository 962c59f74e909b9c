"""SIGKILL under load: every acknowledged event is there exactly once, at the offset that was acknowledged."""
import os
import random
import re

from load import Load, check, seeded
from scrape import Scrape
from service import Service, run, wait_until

KILLS = int(os.environ.get("OKLA_KILLS", "100"))


def test_nothing_acknowledged_is_lost_or_doubled_by_sigkill(tmp_path, measured):
    chance = seeded(f"{KILLS} kills")
    # Small segments, so that kills fall into rolling and checkpoints too.
    service = Service(tmp_path / "data", {"LOG_SEGMENT_BYTES": "262144"})
    with Load(chance) as load:
        service.start()
        load.ports.set(service.port)
        for kill in range(KILLS):
            # A random moment within the work, some of them while the service is still recovering.
            load.wait(chance.choice([0.001, 0.01, 0.05, 0.1, 0.2, 0.3]) * chance.random())
            load.ports.set(None)
            service.kill()
            if chance.random() < 0.2:
                service.start(wait=False)
                load.wait(chance.random() * 0.1)
                service.kill()
            service.start()
            # Before anything is sent: what is counted is what the log holds.
            figures = Scrape(service)
            assert figures.ledger()["stored"] == figures.sum("log_end_offset", topic="okla.events.raw")
            load.ports.set(service.port)
        load.finish()
        ledger = Scrape(service).ledger()
    service.stop()
    stored = check(service, load.clients)
    assert ledger["stored"] == stored and ledger["rejected"] == ledger["unavailable"] == 0
    acknowledged = len(load.acknowledged)
    measured(f"{KILLS} kills, {acknowledged} events acknowledged, {stored} stored, {load.repeats} requests repeated")
    assert acknowledged > KILLS and load.repeats > 0
    verified = run("log", "verify", "--data-dir", service.data_dir)
    assert verified.returncode == 0, verified.stdout


def test_what_was_acknowledged_stays_a_duplicate_after_kills(tmp_path):
    service = Service(tmp_path / "data").start()
    events = [{"event": "a", "userId": f"u{n}", "messageId": f"m{n}"} for n in range(100)]
    first = service.post("/api/events?receipts=true", events).json["results"]
    for _ in range(5):
        service.kill()
        service.start()
        again = service.post("/api/events", events).json
        assert again["duplicates"] == 100
        assert [(r["partition"], r["offset"]) for r in again["results"]] == [(r["partition"], r["offset"]) for r in first]
    service.stop()


def test_what_one_start_has_checked_the_next_one_does_not(tmp_path):
    """A service that never lives as long as until its first checkpoint must not take longer each time to start."""
    service = Service(tmp_path / "data", {"LOG_LINGER": "0"}).start()
    points = service.data_dir / "log" / "recovery-point-offset-checkpoint"
    for number in range(50):
        text = random.Random(number).randbytes(200).hex()
        service.post("/api/events", [{"event": "a", "userId": f"u{n}", "properties": {"text": text}} for n in range(50)])
    service.kill()
    # Where that took so long that there was a checkpoint.
    points.unlink(missing_ok=True)
    service.start()
    wait_until(points.exists)
    service.kill()
    service.start()
    scanned = [int(bytes) for bytes in re.findall(r"bytesScanned=(\d+)", service.log_path.read_text())]
    # From the last index entry below the recovery point on: a few kilobytes a partition.
    assert scanned[0] == 0 and scanned[2] < scanned[1] / 4, scanned
    service.stop()


def test_term_finishes_what_is_in_flight(tmp_path):
    service = Service(tmp_path / "data").start()
    with Load(random.Random(4), count=4) as load:
        load.ports.set(service.port)
        wait_until(lambda: load.acknowledged)
        # New requests find no listener any more; what was answered must be there.
        load.ports.set(None)
        load.ended.set()
        assert service.stop() == 0
        load.ports.close()
        load.finish()
    assert check(service, load.clients) > 0
