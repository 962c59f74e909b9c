"""SIGKILL under load: every acknowledged event is there exactly once, at the offset that was acknowledged."""
import gzip
import http.client
import json
import os
import random
import threading

from service import KEY, Service, run

KILLS = int(os.environ.get("OKLA_KILLS", "100"))
CLIENTS = 6


class Client(threading.Thread):
    """Posts batches with receipts; sends an unanswered batch again with the same messageIds until it is answered."""

    def __init__(self, number, seed, ports, ended):
        super().__init__(daemon=True)
        self.number, self.random, self.ports, self.ended = number, random.Random(seed), ports, ended
        self.acknowledged = {}
        self.problems = []
        self.sequence = 0
        self.repeats = 0

    def run(self):
        connection, connected = None, None
        while not self.ended.is_set():
            batch = self.batch()
            body = gzip.compress(json.dumps(batch).encode(), 1)
            while True:
                port = self.ports.current()
                if port is None:
                    return
                try:
                    if connected != port:
                        connection, connected = http.client.HTTPConnection("127.0.0.1", port, timeout=30), port
                    connection.request("POST", "/api/events/batch?receipts=true", body, {
                        "X-Write-Key": KEY, "Content-Encoding": "gzip"})
                    response = connection.getresponse()
                    answer = json.loads(response.read())
                except (OSError, http.client.HTTPException, ValueError):
                    connected = None
                    self.repeats += 1
                    continue
                if response.status == 503:
                    self.repeats += 1
                    continue
                self.note(batch, response.status, answer)
                break

    def batch(self):
        events = []
        for _ in range(self.random.choice([1, 1, 3, 20, 100])):
            self.sequence += 1
            events.append({
                "event": "vehicle_view", "messageId": f"c{self.number}-{self.sequence}", "userId": f"user-{self.random.randrange(500)}",
                "properties": {"vehicleId": f"v-{self.random.randrange(1000)}", "text": "x" * self.random.randrange(400)}})
        return events

    def note(self, batch, status, answer):
        if status != 202 or answer["rejected"] or len(answer["results"]) != len(batch):
            self.problems.append(f"answer {status}: {answer}")
            return
        for event, result in zip(batch, answer["results"]):
            if result["messageId"] != event["messageId"]:
                self.problems.append(f"{event['messageId']} answered as {result}")
            self.acknowledged[event["messageId"]] = (result["partition"], result["offset"], event["userId"])


class Ports:
    """The port of the service that runs now; while none does, clients wait."""

    def __init__(self):
        self.condition, self.port, self.closed = threading.Condition(), None, False

    def set(self, port):
        with self.condition:
            self.port = port
            self.condition.notify_all()

    def close(self):
        with self.condition:
            self.closed = True
            self.condition.notify_all()

    def current(self):
        with self.condition:
            self.condition.wait_for(lambda: self.port is not None or self.closed)
            return None if self.port is None else self.port


def check(service, clients):
    """Compares the log with what was acknowledged so far."""
    stored, last = {}, {}
    for record in service.records():
        place = (record["partition"], record["offset"])
        message = record["headers"]["messageId"]
        assert message not in stored, f"{message} stands twice: {stored[message]} and {place}"
        expected = last.get(place[0], -1) + 1
        assert place[1] == expected, f"partition {place[0]}: offset {place[1]} where {expected} must follow"
        last[place[0]] = place[1]
        stored[message] = (*place, record["key"])
    for client in clients:
        assert not client.problems, client.problems[:3]
        for message, place in client.acknowledged.items():
            assert stored.get(message) == place, f"{message} was acknowledged at {place}, the log has {stored.get(message)}"
    return len(stored)


def test_nothing_acknowledged_is_lost_or_doubled_by_sigkill(tmp_path):
    seed = int(os.environ.get("OKLA_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"seed {seed}, {KILLS} kills")
    chance = random.Random(seed)
    # Small segments, so that kills fall into rolling and checkpoints too.
    service = Service(tmp_path / "data", {"LOG_SEGMENT_BYTES": "262144"})
    ports, ended = Ports(), threading.Event()
    clients = [Client(number, chance.random(), ports, ended) for number in range(CLIENTS)]
    service.start()
    ports.set(service.port)
    for client in clients:
        client.start()
    for kill in range(KILLS):
        # A random moment within the work, some of them while the service is still recovering.
        ended.wait(chance.choice([0.001, 0.01, 0.05, 0.1, 0.2, 0.3]) * chance.random())
        ports.set(None)
        service.kill()
        if chance.random() < 0.2:
            service.start(wait=False)
            ended.wait(chance.random() * 0.1)
            service.kill()
        service.start()
        ports.set(service.port)
        if kill % 25 == 24:
            ended.wait(0.1)
    ended.set()
    for client in clients:
        client.join(timeout=60)
        assert not client.is_alive()
    ports.close()
    service.stop()
    stored = check(service, clients)
    acknowledged = sum(len(client.acknowledged) for client in clients)
    repeats = sum(client.repeats for client in clients)
    print(f"{KILLS} kills, {acknowledged} events acknowledged, {stored} stored, {repeats} requests repeated")
    assert acknowledged > KILLS and repeats > 0
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


def test_term_finishes_what_is_in_flight(tmp_path):
    service = Service(tmp_path / "data").start()
    ports, ended = Ports(), threading.Event()
    ports.set(service.port)
    clients = [Client(number, number, ports, ended) for number in range(4)]
    for client in clients:
        client.start()
    ended.wait(0.5)
    # New requests find no listener any more; what was answered must be there.
    ports.set(None)
    ended.set()
    assert service.stop() == 0
    ports.close()
    for client in clients:
        client.join(timeout=60)
    assert check(service, clients) > 0
