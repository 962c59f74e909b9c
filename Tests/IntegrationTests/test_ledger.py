"""The ledger: every event that was received is accounted for, also across kills, and what is stored and rejected is what the log holds."""
import collections
import json
import random
import shutil
import threading
import time

import pytest
from load import seeded
from scrape import OUTCOMES, Scrape
from service import Service, wait_until

KEYS = {"web-key": "web", "app-key": "app"}


@pytest.fixture
def service(tmp_path):
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"EventTracking": {"WriteKeys": [{"Key": key, "Name": name} for key, name in KEYS.items()]}}))
    service = Service(tmp_path / "data", {"LOG_SEGMENT_BYTES": "262144"}, ["--config", str(config)], generated_keys=True)
    yield service
    if service.process:
        service.kill()


def logged(service):
    """What the log holds, counted from its own dump: by outcome and key, and by outcome and event type."""
    keys, types = collections.Counter(), collections.Counter()
    for outcome, topic in (("stored", "okla.events.raw"), ("rejected", "okla.events.rejected")):
        for record in service.records(topic):
            keys[outcome, record["headers"]["writeKey"]] += 1
            types[outcome, record["headers"].get("event", "other")] += 1
    return keys, types


def counted(figures):
    """The same from the ledger."""
    def read(name, label):
        return collections.Counter({
            (labels["outcome"], labels[label]): int(value) for labels, value in figures.all(name)
            if labels["outcome"] in ("stored", "rejected") and value})
    return read("events_ledger_total", "write_key"), read("events_ledger_by_type_total", "type")


def in_the_log(figures, topic):
    return int(figures.sum("log_end_offset", topic=topic) - figures.sum("log_start_offset", topic=topic))


def test_every_outcome_is_counted_by_key_and_name(service):
    service.start()
    view = {"event": "vehicle_view", "userId": "u", "messageId": "v1", "properties": {"vehicleId": "a"}}
    assert service.post("/api/events", [view, {"event": "search", "userId": "u"}, {"event": "mine", "userId": "u"}], key="web-key").status == 202
    assert service.post("/api/events", [view, view], key="app-key").json["duplicates"] == 2
    for _ in range(2):
        figures = Scrape(service)
        assert figures.ledger(write_key="web") == {"stored": 2, "duplicate": 0, "rejected": 1, "limited": 0, "unavailable": 0}
        assert figures.ledger(write_key="app") == {"stored": 0, "duplicate": 2, "rejected": 0, "limited": 0, "unavailable": 0}
        assert figures.by("events_ledger_by_type_total", "type", outcome="stored") == {"vehicle_view": 1, "mine": 1}
        assert figures.by("events_ledger_by_type_total", "type", outcome="rejected") == {"search": 1}
        # All of it is there after an orderly end.
        service.stop()
        service.start()
    assert figures.by("events_received_total", "type") == {}, "these begin with the process"


class Mixed(threading.Thread):
    """Sends good events, bad ones and repeated ones until its service is gone; counts the answers."""

    def __init__(self, service, seed):
        super().__init__(daemon=True)
        self.service, self.random, self.answers = service, random.Random(seed), collections.Counter()
        self.repeated = 0
        self.start()

    def run(self):
        key = self.random.choice(list(KEYS))
        ids = []
        while True:
            batch = []
            for _ in range(self.random.choice([1, 2, 10, 60])):
                chance = self.random.random()
                if chance < 0.2 and ids:
                    batch.append({"event": "login", "userId": "u", "messageId": self.random.choice(ids)})
                    self.repeated += 1
                    continue
                ids.append(f"{self.ident}-{time.time_ns()}-{len(ids)}")
                batch.append({
                    "event": self.random.choice(["login", "search", f"made up {self.random.randrange(20)}"]), "messageId": ids[-1],
                    "userId": f"u{self.random.randrange(100)}", **({"properties": {"query": "q"}} if chance < 0.8 else {})})
            try:
                answer = self.service.post("/api/events", batch, key=key)
            except OSError:
                return
            if answer.status in (202, 422):
                body = answer.json
                for outcome, name in (("stored", "accepted"), ("duplicate", "duplicates"), ("rejected", "rejected")):
                    self.answers[outcome] += body[name]


def test_the_ledger_is_what_the_log_holds_whenever_it_is_killed(service, measured):
    rounds = 30
    chance = seeded(f"{rounds} kills")
    answered, repeated = collections.Counter(), 0
    for _ in range(rounds):
        service.start()
        figures = Scrape(service)
        ledger = figures.ledger()
        # Nothing is under way, so both agree exactly, whenever the service was killed.
        assert ledger["stored"] == in_the_log(figures, "okla.events.raw")
        assert ledger["rejected"] == in_the_log(figures, "okla.events.rejected")
        clients = [Mixed(service, chance.random()) for _ in range(3)]
        ends = time.monotonic() + chance.choice([0.05, 0.2, 0.6, 3]) * chance.random()
        while time.monotonic() < ends:
            during = Scrape(service)
            # What the ledger has counted is in the log already.
            assert during.ledger()["stored"] <= in_the_log(during, "okla.events.raw")
            assert during.ledger()["rejected"] <= in_the_log(during, "okla.events.rejected")
            received = sum(during.ledger().values()) - sum(ledger.values())
            assert received == during.sum("events_received_total"), "by key and by name it is the same"
            assert received == during.sum("events_processed_total") + during.sum("events_failed_total")
            time.sleep(0.02)
        service.kill()
        for client in clients:
            client.join(timeout=60)
            answered += client.answers
            repeated += client.repeated
    service.start()
    ledger = Scrape(service).ledger()
    # What was answered was counted before; what was not answered may have been.
    assert ledger["stored"] >= answered["stored"] and ledger["rejected"] >= answered["rejected"]
    # A second of these may be forgotten with each kill, and is never invented.
    assert 0 < ledger["duplicate"] <= repeated
    keys, types = counted(Scrape(service))
    service.stop()
    assert (keys, types) == logged(service)
    measured(f"{rounds} kills, {ledger['stored']} stored, {ledger['rejected']} rejected, {ledger['duplicate']} of "
             f"{answered['duplicate']} duplicates remembered")


def test_a_kill_forgets_at_most_a_second_of_what_the_log_does_not_say(service):
    service.start()
    event = {"event": "x", "userId": "u", "messageId": "m"}
    for _ in range(20):
        service.post("/api/events", event, key="web-key")
    wait_until(lambda: b'"web":[1,19,0,0,0]' in (service.data_dir / "ledger").read_bytes())
    service.kill()
    service.start()
    assert Scrape(service).ledger() == {"stored": 1, "duplicate": 19, "rejected": 0, "limited": 0, "unavailable": 0}


@pytest.mark.parametrize("damage", ["gone", "older slot broken", "both slots broken", "short", "of a log that held more"])
def test_a_broken_ledger_is_counted_again_from_the_log(service, damage):
    service.start()
    for number in range(300):
        service.post("/api/events", [{"event": f"e{number % 3}", "userId": f"u{number}"}, {}], key="web-key")
    service.stop()
    path = service.data_dir / "ledger"
    slot = path.stat().st_size // 2
    if damage == "gone":
        path.unlink()
    elif damage == "short":
        path.write_bytes(path.read_bytes()[:100])
    elif damage == "of a log that held more":
        kept = path.read_bytes()
        service.start()
        service.post("/api/events", [{"event": "e0", "userId": "u"}] * 50, key="web-key")
        service.stop()
        path.write_bytes(kept)
        service.start()
        assert Scrape(service).ledger()["stored"] == 350, "what is kept is older than the log"
        service.stop()
    else:
        content = bytearray(path.read_bytes())
        for start in (0, slot) if damage.startswith("both") else (0,):
            content[start + 30] ^= 1
        path.write_bytes(content)
    service.start()
    figures = Scrape(service)
    keys, types = counted(figures)
    service.stop()
    assert (keys, types) == logged(service)
    assert figures.ledger()["rejected"] == 300


def test_names_that_no_event_may_have_do_not_fill_the_ledger(service):
    """A rejected event may be called anything, as long as it is short enough to be sent."""
    service.start()
    for number in range(160):
        assert service.post("/api/events", {"event": f"{number}" + "x" * 32_000, "userId": "u"}, key="web-key").status == 422
    service.post("/api/events", [{"event": f"made up {n}", "userId": "u"} for n in range(100)], key="web-key")
    before = counted(Scrape(service))
    assert before[1]["rejected", "other"] == 160
    service.stop()
    (service.data_dir / "ledger").unlink()
    service.start()
    assert counted(Scrape(service)) == before


def test_the_catalogue_has_room_also_where_the_log_was_counted_again(service):
    service.start()
    for start in range(0, 700, 100):
        service.post("/api/events", [{"event": f"made up {n}", "userId": "u"} for n in range(start, start + 100)], key="web-key")
    service.kill()
    (service.data_dir / "ledger").unlink()
    service.start()
    service.post("/api/events", {"event": "vehicle_view", "userId": "u", "properties": {"vehicleId": "v"}}, key="web-key")
    types = Scrape(service).by("events_ledger_by_type_total", "type")
    assert types["vehicle_view"] == 1 and types["other"] > 300


def test_a_ledger_of_a_longer_log_keeps_what_only_it_knows(service, tmp_path):
    """A copy of the log was put back that is older than the ledger."""
    service.start()
    event = {"event": "x", "userId": "u", "messageId": "m"}
    service.post("/api/events", [event, event], key="web-key")
    service.stop()
    shutil.copytree(service.data_dir / "log", tmp_path / "older")
    # Of two, which are kept by turns.
    for _ in range(2):
        service.start()
        service.post("/api/events", [{"event": "y", "userId": "u"}, event], key="web-key")
        service.stop()
    shutil.rmtree(service.data_dir / "log")
    shutil.copytree(tmp_path / "older", service.data_dir / "log")
    service.start()
    assert Scrape(service).ledger() == {"stored": 1, "duplicate": 3, "rejected": 0, "limited": 0, "unavailable": 0}
    assert "all of the log is counted" in service.log_path.read_text()


def test_what_damage_has_taken_is_not_counted_and_stops_nothing(service):
    service.start()
    for number in range(200):
        service.post("/api/events", [{"event": "x", "userId": f"u{number % 7}", "properties": {"n": number}}] * 5, key="web-key")
    service.stop()
    (service.data_dir / "ledger").unlink()
    segment = max(service.data_dir.glob("log/okla.events.raw-*/*.log"), key=lambda path: path.stat().st_size)
    content = bytearray(segment.read_bytes())
    content[len(content) // 2] ^= 0xFF
    segment.write_bytes(content)
    service.start()
    stored = Scrape(service).ledger()["stored"]
    service.stop()
    assert stored == len(service.records()) < 1000


def test_all_outcomes_are_known(service):
    service.start()
    service.post("/api/events", {"event": "x", "userId": "u"}, key="web-key")
    assert {labels["outcome"] for labels, _ in Scrape(service).all("events_ledger_total")} == set(OUTCOMES)
