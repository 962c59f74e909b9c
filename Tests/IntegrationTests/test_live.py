"""Events as they come, as server-sent events: filtered, continued where a reader was, and never at the cost of those who post."""
import collections
import contextlib
import http.client
import itertools
import json
import os
import threading
import time
import urllib.parse

import pytest
from load import seeded
from scrape import Scrape
from service import Service, wait_until

TOKEN = "admin-token"
SETTINGS = {"ADMIN_TOKEN": TOKEN, "LOG_LINGER": "50ms", "KAFKA_PARTITIONS": "4"}


class Stream:
    """A reader, as a browser's EventSource is one: its events, and the last id."""

    def __init__(self, service, last=None, **filters):
        self.connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
        headers = {"Authorization": f"Bearer {TOKEN}", **({"Last-Event-ID": last} if last else {})}
        self.connection.request("GET", f"/api/admin/events/live?{urllib.parse.urlencode(filters, quote_via=urllib.parse.quote)}", headers=headers)
        self.response = self.connection.getresponse()
        self.last, self.comments = last, 0
        assert self.response.status == 200, self.response.read()
        assert self.response.headers["content-type"] == "text/event-stream"
        self.begun = self.block()

    def block(self):
        """The next block of lines: the fields of an event, or of a comment; None at the end."""
        fields = {}
        while True:
            line = self.response.readline()
            if not line:
                return None
            if line == b"\n":
                self.last = fields.get("id", self.last)
                return fields
            name, _, value = line.decode().rstrip("\n").partition(":")
            if name == "":
                self.comments += 1
            else:
                assert name not in fields
                fields[name] = value.removeprefix(" ")

    def event(self):
        """The next event with data: its name and what it says."""
        while (fields := self.block()) is not None:
            if "data" in fields:
                return fields.get("event", "message"), json.loads(fields["data"])
        return None

    def take(self, count):
        events = [self.event() for _ in range(count)]
        assert all(name == "message" for name, _ in events), events
        return [data for _, data in events]

    def close(self):
        self.response.close()
        self.connection.close()


def event(number, user="u", name="x"):
    return {"event": name, "userId": user, "messageId": f"m{number}", "properties": {"number": number}}


def post(service, *events):
    assert service.post("/api/events", list(events)).json["accepted"] == len(events)


def numbers(events):
    return [event["properties"]["number"] for event in events]


def test_events_come_as_they_are_stored_with_their_place(tmp_path):
    with Service(tmp_path / "data", SETTINGS) as service:
        post(service, event(0))
        stream = Stream(service)
        assert stream.begun["retry"] == "5000"
        body = b'{"event":"x",\n\t"userId":"u",\r\n "messageId":"m1", "properties":{"number":1,"text":"a\\nb\xe2\x80\xa8c"}}'
        assert service.post("/api/events", body).json["accepted"] == 1
        (found,) = stream.take(1)
        (record,) = [record for record in service.records() if record["value"]["messageId"] == "m1"]
        assert (found.pop("partition"), found.pop("offset")) == (record["partition"], record["offset"])
        assert found == record["value"]
        stream.close()
        # Of a reader that has gone nothing is left.
        wait_until(lambda: Scrape(service).sum("live_readers") == 0)


def test_filters_are_applied_here(tmp_path):
    with Service(tmp_path / "data", SETTINGS) as service:
        streams = [Stream(service, **filters) for filters in [{"event": "y"}, {"userId": "v é"}, {"event": "y", "userId": "v é"}]]
        events = [event(n, ["u", "v é"][n % 2], ["x", "y", "z"][n % 3]) for n in range(60)]
        post(service, *events)
        # An anonymous visitor who is called like a user is another one.
        post(service, {"event": "y", "anonymousId": "v é", "properties": {"number": 60}})
        wanted = [lambda e: e["event"] == "y", lambda e: e["userId"] == "v é", lambda e: e["event"] == "y" and e["userId"] == "v é"]
        for stream, takes, more in zip(streams, wanted, [[60], [], []]):
            expected = numbers(filter(takes, events)) + more
            assert sorted(numbers(stream.take(len(expected)))) == expected
        post(service, event(61, "v é", "y"))
        for stream in streams:
            assert numbers(stream.take(1)) == [61]
            stream.close()


@pytest.mark.parametrize("wrong, headers", [("?event=a&event=b", {}), ("?user=u", {}), ("", {"Last-Event-ID": "x y"}), ("", {"Last-Event-ID": "AAAA"}),
                                            ("", {"Last-Event-ID": "_____w8AAAA"})])
def test_what_cannot_be_asked_is_refused(tmp_path, wrong, headers):
    with Service(tmp_path / "data", SETTINGS) as service:
        answer = service.request("GET", f"/api/admin/events/live{wrong}", headers={"Authorization": f"Bearer {TOKEN}", **headers})
        assert answer.status == 400, answer.body


class Reader(threading.Thread):
    """Reads as a browser does: comes again, with the last id, whenever the stream ends."""

    def __init__(self, service, last, chance, **filters):
        super().__init__(daemon=True)
        self.service, self.last, self.filters, self.chance = service, last, filters, chance
        self.ended, self.events, self.streams = threading.Event(), [], 0

    def run(self):
        while not self.ended.is_set():
            with contextlib.suppress(OSError, http.client.HTTPException, AssertionError):
                stream = Stream(self.service, self.last, **self.filters)
                self.streams += 1
                # Sometimes the reader goes itself.
                for _ in itertools.islice(itertools.count(), self.chance.choice([5, 50, 500])):
                    found = stream.event()
                    if found is None:
                        break
                    assert found[0] == "message"
                    self.events.append(found[1])
                    self.last = stream.last
                stream.close()
            time.sleep(0.02)


def test_a_reader_goes_on_without_gap_or_repetition_across_restarts(tmp_path, measured):
    chance = seeded("4 restarts")
    service, sequence, stored = Service(tmp_path / "data", SETTINGS).start(), itertools.count(), []
    first = Stream(service)
    readers = [Reader(service, first.last, chance), Reader(service, first.last, chance, event="y"), Reader(service, first.last, chance, userId="u1")]
    for reader in readers:
        reader.start()
    for round in range(5):
        for _ in range(40):
            batch = [event(n, f"u{n % 7}", "xyz"[n % 3]) for n in itertools.islice(sequence, chance.choice([1, 3, 20]))]
            post(service, *batch)
            stored += batch
        if round < 4:
            chance.choice([service.stop, service.kill])()
            service.start()
    for reader, takes in zip(readers, [lambda e: True, lambda e: e["event"] == "y", lambda e: e["userId"] == "u1"]):
        expected = numbers(filter(takes, stored))
        wait_until(lambda: len(reader.events) >= len(expected))
        found = numbers(reader.events)
        assert collections.Counter(found) == collections.Counter(expected)
        places = collections.defaultdict(list)
        for seen in reader.events:
            places[seen["partition"]].append(seen["offset"])
        assert all(offsets == sorted(offsets) for offsets in places.values())
        reader.ended.set()
    service.kill()
    measured(f"{len(stored)} events, streams of each reader: {[reader.streams for reader in readers]}")


def test_silence_has_heartbeats_that_move_the_id(tmp_path):
    with Service(tmp_path / "data", SETTINGS) as service:
        stream = Stream(service, event="never")
        post(service, event(0))
        before, comments = stream.last, stream.comments
        while stream.comments == comments:
            assert stream.block() is not None
        assert stream.last != before
        # What was left out does not come again without the filter.
        again = Stream(service, stream.last)
        post(service, event(1))
        assert numbers(again.take(1)) == [1]
        for each in [stream, again]:
            each.close()


def test_a_slow_reader_is_dropped_and_told_so_and_nobody_waits_for_it(tmp_path, measured):
    with Service(tmp_path / "data", SETTINGS) as service:
        stream, total, slowest = Stream(service), 0, 0
        started, dropped, last = time.monotonic(), False, None
        batch = [{**event(0), "properties": {"text": "x" * 20_000}} for _ in range(50)]
        for each in batch:
            del each["messageId"]
        service.environment["EVENT_TRACKING_MAX_PAYLOAD_SIZE"] = "0"
        ended = threading.Event()

        def read_slowly():
            nonlocal dropped, last
            while (found := stream.event()) is not None:
                last, dropped = stream.last, found[0] == "dropped"
                if not dropped:
                    time.sleep(0.01)
            ended.set()

        threading.Thread(target=read_slowly, daemon=True).start()
        while not ended.is_set():
            assert time.monotonic() < started + 90
            begun = time.monotonic()
            answer = service.post("/api/events", batch, compress="gzip")
            assert answer.status == 202, answer.body
            slowest, total = max(slowest, time.monotonic() - begun), total + len(batch)
        assert dropped
        assert Scrape(service).sum("live_readers_dropped_total") == 1
        # It can come again, and goes on.
        assert Stream(service, last).event()[0] == "message"
        measured(f"dropped after {time.monotonic() - started:.1f} s and {total} events; the slowest post took {slowest * 1000:.0f} ms")


def test_what_retention_removed_is_told(tmp_path, faults):
    settings = {**SETTINGS, **faults.environment, "LOG_SEGMENT_BYTES": "65536", "LOG_RETENTION_BYTES": "65536", "KAFKA_PARTITIONS": "1"}
    with Service(tmp_path / "data", settings) as service:
        first = Stream(service)
        for number in range(200):
            post(service, {**event(number), "properties": {"number": number, "text": os.urandom(1000).hex()}})
        faults.pass_time(61, until=lambda: Scrape(service).sum("log_start_offset", topic="okla.events.raw") > 0)
        again = Stream(service, first.begun["id"])
        name, gap = again.event()
        assert name == "gap" and gap["partition"] == 0 and gap["from"] == 0
        assert again.take(1)[0]["offset"] == gap["to"] + 1
        for stream in [first, again]:
            stream.close()


def test_readers_do_not_hold_up_the_end(tmp_path):
    with Service(tmp_path / "data", SETTINGS) as service:
        streams = [Stream(service) for _ in range(20)]
        started = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() < started + 10
        assert all(stream.block() is None for stream in streams)


def test_there_are_no_more_readers_than_can_be_served(tmp_path):
    with Service(tmp_path / "data", SETTINGS) as service:
        streams = [Stream(service) for _ in range(256)]
        answer = service.request("GET", "/api/admin/events/live", headers={"Authorization": f"Bearer {TOKEN}"})
        assert answer.status == 503 and answer.json["code"] == "too_many_readers"
        streams.pop().close()
        wait_until(lambda: Scrape(service).sum("live_readers") == 255)
        streams.append(Stream(service))
