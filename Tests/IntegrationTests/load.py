"""Clients that post under load, and the comparison of what they were promised with what the log holds."""
import gzip
import http.client
import json
import os
import random
import threading

from service import KEY

CLIENTS = 6


def seeded(what):
    """The chance of this run; OKLA_SEED repeats an earlier one as far as threads and disks allow."""
    seed = int(os.environ.get("OKLA_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"seed {seed}, {what}")
    return random.Random(seed)


class Lost(AssertionError):
    """An acknowledged event is not where it was acknowledged."""


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
                port, life = self.ports.current()
                if port is None:
                    return
                try:
                    if connected != life:
                        connection, connected = http.client.HTTPConnection("127.0.0.1", port, timeout=30), life
                    connection.request("POST", "/api/events/batch?receipts=true", body, {
                        "X-Write-Key": KEY, "Content-Encoding": "gzip"})
                    response = connection.getresponse()
                    answer = json.loads(response.read())
                except (OSError, http.client.HTTPException, ValueError):
                    connected = None
                    self.repeats += 1
                    continue
                if response.status == 503 or not self.ports.trusts(life):
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
    """The port of the service that runs now, and which of its lives this is; while it does not run, clients wait."""

    def __init__(self):
        self.condition, self.port, self.life, self.closed = threading.Condition(), None, 0, False
        self.distrusted = 0

    def set(self, port):
        with self.condition:
            self.port = port
            self.life += port is not None
            self.condition.notify_all()

    def distrust(self):
        """From now on an answer of the life that goes on, or of one before, counts as not received; it goes on being asked."""
        self.distrusted = self.life

    def trusts(self, life):
        return life > self.distrusted

    def close(self):
        """No port any more: clients end."""
        with self.condition:
            self.port, self.closed = None, True
            self.condition.notify_all()

    def current(self):
        with self.condition:
            self.condition.wait_for(lambda: self.port is not None or self.closed)
            return self.port, self.life


class Load:
    """Clients that post from the beginning of the block to its end, however it ends."""

    def __init__(self, chance, count=CLIENTS, kind=Client):
        self.ports, self.ended = Ports(), threading.Event()
        self.clients = [kind(number, chance.random(), self.ports, self.ended) for number in range(count)]

    def __enter__(self):
        for client in self.clients:
            client.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.ports.close()

    def wait(self, seconds):
        self.ended.wait(seconds)

    def finish(self):
        """Lets every client have its last answer."""
        self.ended.set()
        for client in self.clients:
            client.join(timeout=60)
            assert not client.is_alive()
        self.ports.close()

    @property
    def acknowledged(self):
        return {message: place for client in self.clients for message, place in list(client.acknowledged.items())}

    @property
    def repeats(self):
        return sum(client.repeats for client in self.clients)


def check(service, clients):
    """Compares the log with what was acknowledged so far. Returns how many events it holds."""
    stored, last, doubled, gaps = {}, {}, [], []
    for record in service.records():
        place = (record["partition"], record["offset"])
        message = record["headers"]["messageId"]
        if message in stored:
            doubled.append(f"{message} stands twice: {stored[message]} and {place}")
        expected = last.get(place[0], -1) + 1
        if place[1] != expected:
            gaps.append(f"partition {place[0]}: offset {place[1]} where {expected} must follow")
        last[place[0]] = place[1]
        stored[message] = (*place, record["key"])
    for client in clients:
        assert not client.problems, client.problems[:3]
        # A copy, for an answer of a killed service may still be read.
        for message, place in list(client.acknowledged.items()):
            if stored.get(message) != place:
                raise Lost(f"{message} was acknowledged at {place}, the log has {stored.get(message)}")
    assert not doubled, doubled[:3]
    assert not gaps, gaps[:3]
    return len(stored)
