"""Rejected events are put through again after their schema was mended: with the time they came with, and once, whatever happens."""
import collections
import contextlib
import gzip
import http.client
import json
import os
import signal
import threading
import time

import pytest
from load import seeded
from scrape import Scrape
from service import ENRICHED, KEY, Service, run, wait_until

TOKEN = "admin-token"
ADMIN = {"Authorization": f"Bearer {TOKEN}"}
STRICT = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$ref": "shared/event.json", "required": ["impossible"]}
LOOSE = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$ref": "shared/event.json"}


class Catalogue:
    """A service whose event `strict` is rejected until it is mended."""

    def __init__(self, tmp_path, **environment):
        self.folder = tmp_path / "catalogue"
        self.folder.mkdir()
        self.write(STRICT)
        self.service = Service(tmp_path / "data", {"EVENT_TRACKING_CATALOG": str(self.folder), "ADMIN_TOKEN": TOKEN, **environment})

    def write(self, schema):
        (self.folder / "strict.json").write_text(json.dumps(schema))

    def mend(self):
        self.write(LOOSE)
        said = self.service.log_path.read_text().count("the catalogue was read again")
        self.service.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.service.log_path.read_text().count("the catalogue was read again") > said)

    def retry(self, **body):
        answer = self.service.request("POST", "/api/admin/rejected/retry", json.dumps(body), ADMIN)
        assert answer.status == 200, answer.body
        return answer.json

    def command(self, *arguments):
        return run("rejected", "retry", "--url", self.service.ready["http"], "--admin-token", TOKEN, *arguments)


@pytest.fixture
def catalogue(tmp_path):
    catalogue = Catalogue(tmp_path, **ENRICHED)
    with catalogue.service:
        yield catalogue


def counts(answer):
    return tuple(answer[name] for name in ("examined", "stored", "alreadyStored", "rejected"))


def test_what_was_mended_is_stored_as_it_came(catalogue):
    service = catalogue.service
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    before = time.time()
    events = [{"event": "strict", "userId": "u", "messageId": "m", "timestamp": "2026-01-21T10:30:45.123Z"}, {"event": "strict", "userId": "u"},
              {"event": "strict", "userId": "u", "timestamp": None}, {"event": "mine", "userId": "u"}, {}]
    answer = service.post("/api/events", events, User_Agent=agent, X_Forwarded_For="203.0.113.9")
    assert (answer.json["accepted"], answer.json["rejected"]) == (1, 4)
    after = time.time()
    time.sleep(1.1)
    # Not mended yet: nothing changes, and nothing is added to what is rejected.
    assert counts(catalogue.retry()) == (4, 0, 0, 4)
    catalogue.mend()
    answer = catalogue.retry()
    assert counts(answer) == (4, 3, 0, 1) and (answer["next"], answer["end"]) == (4, 4)
    assert [(r["offset"], r["errors"][0]["keyword"]) for r in answer["rejections"]] == [(3, "required")]
    assert counts(catalogue.retry()) == (4, 0, 3, 1)
    figures = Scrape(service)
    # Received once each; stored and rejected are what the log holds.
    assert figures.ledger() == {"stored": 4, "duplicate": 0, "rejected": 4, "limited": 0, "unavailable": 0}
    assert figures.sum("kafka_messages_consumed_total") >= 12, "three times four rejected ones were read, beside what the log's consumers read"
    service.stop()
    assert len(service.records("okla.events.rejected")) == 4
    stored = [record for record in service.records() if record["value"]["event"] == "strict"]
    assert len(stored) == 3
    for record in stored:
        event = record["value"]
        assert event["context"]["ip"] == "203.0.113.9" and event["context"]["browser"]["name"] == "Firefox"
        assert record["headers"]["writeKey"] == "default"
        assert record["timestamp"] / 1000 > after + 1, "the record is new"
        if event["messageId"] == "m":
            assert event["timestamp"] == "2026-01-21T10:30:45.123Z"
        else:
            assert record["headers"]["messageId"] == event["messageId"] and event["messageId"].startswith("rejected-")
            happened = time.mktime(time.strptime(event["timestamp"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
            assert before - 2 < happened < after + 1, "it happened when it came first"


def test_a_clock_that_was_off_is_corrected_by_when_it_came(catalogue):
    service = catalogue.service
    hour = 3600
    sent = time.time() - hour
    stamp = lambda seconds: time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(seconds))  # noqa: E731
    service.post("/api/events", {"batch": [{"event": "strict", "userId": "u", "timestamp": stamp(sent - 60)}], "sentAt": stamp(sent)})
    time.sleep(2)
    catalogue.mend()
    assert counts(catalogue.retry()) == (1, 1, 0, 0)
    service.stop()
    event = service.records()[0]["value"]
    assert event["originalTimestamp"] == stamp(sent - 60)
    happened = time.mktime(time.strptime(event["timestamp"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
    assert abs(happened - (sent + hour - 60)) < 1.9, "not by when it was put through"


def test_a_users_events_are_stored_in_the_order_they_were_rejected_in(catalogue):
    service = catalogue.service
    for start in range(0, 3000, 100):
        events = [{"event": "strict", "userId": f"u{n % 7}", "messageId": f"m{n}"} for n in range(start, start + 100)]
        assert service.post("/api/events/batch", events).json["rejected"] == 100
    catalogue.mend()
    assert counts(catalogue.retry()) == (3000, 3000, 0, 0)
    service.stop()
    stored = collections.defaultdict(list)
    for record in sorted(service.records(), key=lambda record: record["offset"]):
        stored[record["key"]].append(int(record["value"]["messageId"][1:]))
    assert stored == {f"u{n}": list(range(n, 3000, 7)) for n in range(7)}


def test_what_retention_leaves_undecided_is_put_through_only_when_that_is_asked_for(tmp_path, faults):
    catalogue = Catalogue(tmp_path, **faults.environment, KAFKA_PARTITIONS="2", LOG_SEGMENT_BYTES="65536", LOG_RETENTION_BYTES="131072",
                          LOG_LINGER="0", EVENT_TRACKING_DEDUP_WINDOW="60s")
    with (service := catalogue.service):
        def stored(user, event):
            answer = service.post("/api/events?receipts=true", {"event": event, "userId": user, "properties": {"text": os.urandom(14_000).hex()}})
            return answer.json["results"][0]

        partitions = {user: stored(user, "other")["partition"] for user in ("u0", "u1", "u2", "u3", "u4", "u5")}
        lost, kept = ("u0", next(user for user in partitions if partitions[user] != partitions["u0"]))
        rejected = [{"event": "strict", "userId": lost, "messageId": "a"}, {"event": "strict", "anonymousId": "x", "userId": lost},
                    {"event": "strict", "userId": kept}]
        assert service.post("/api/events", rejected).json["rejected"] == 3
        catalogue.mend()
        assert counts(catalogue.retry()) == (3, 3, 0, 0)
        for _ in range(16):
            assert stored(lost, "other")["status"] == "stored"
        folder = service.data_dir / f"log/okla.events.raw-{partitions[lost]}"

        def is_retained():
            """Retention is through: a segment that goes while it is read makes the retry ask to be asked again."""
            try:
                sizes = [file.stat().st_size for file in sorted(folder.glob("*.log"))]
            except FileNotFoundError:
                return False
            return not (folder / f"{0:020}.log").exists() and sum(sizes[1:]) < 131072

        faults.pass_time(61, until=is_retained)
        answer = catalogue.retry()
        assert counts(answer) == (3, 0, 1, 0) and answer["undecided"] == 2
        result = catalogue.command()
        assert (result.returncode, result.stdout) == (1, "0 stored, 1 stored before, 0 still rejected, 2 undecided\n")
        assert "--even-undecided" in result.stderr
        # What comes once the window holds nothing of before can be told again.
        faults.pass_time(70, until=lambda: True)
        catalogue.write(STRICT)
        service.stop()
        service.start()
        assert service.post("/api/events", {"event": "strict", "userId": lost}).json["rejected"] == 1
        catalogue.mend()
        answer = catalogue.retry()
        assert counts(answer) == (4, 1, 1, 0) and answer["undecided"] == 2
        result = catalogue.command("--even-undecided")
        assert (result.returncode, result.stdout) == (0, "2 stored, 2 stored before, 0 still rejected\n")


def test_the_way_in_and_the_key_count_as_before(tmp_path):
    config = tmp_path / "config.json"
    keys = [{"Key": "a", "Name": "web"}, {"Key": "b", "Name": "backend", "TrustClientContext": True}]
    config.write_text(json.dumps({"EventTracking": {"WriteKeys": keys}}))
    catalogue = Catalogue(tmp_path)
    service = catalogue.service
    service.arguments = ["--config", str(config)]
    del service.environment["EVENT_TRACKING_WRITE_KEY"]
    strict_page = {**STRICT, "title": "page_view"}
    (catalogue.folder / "page_view.json").write_text(json.dumps(strict_page))
    with service:
        page = {"userId": "u", "context": {"page": {"url": "https://okla.com.do/"}, "ip": "198.51.100.1"}}
        assert service.post("/api/events/page", page, key="a").json["rejected"] == 1
        assert service.request("POST", "/v1/page", json.dumps({**page, "type": "page", "writeKey": "b"})).json["rejected"] == 1
        (catalogue.folder / "page_view.json").unlink()
        # The second key is gone since.
        config.write_text(json.dumps({"EventTracking": {"WriteKeys": keys[:1]}}))
        service.stop()
        service.start()
        assert counts(catalogue.retry()) == (2, 2, 0, 0)
        assert Scrape(service).by("events_ledger_total", "write_key", outcome="stored") == {"web": 1, "backend": 1}
        service.stop()
        records = sorted(service.records(), key=lambda record: record["offset"])
        assert [record["headers"]["writeKey"] for record in records] == ["web", "backend"]
        for record in records:
            assert record["value"]["event"] == "page_view" and record["value"]["properties"]["url"] == "https://okla.com.do/"


def test_one_that_cannot_be_read_keeps_no_other_back(catalogue):
    service = catalogue.service
    twice = '{"event":"strict","userId":"u","sentAt":"2026-01-01T00:00:00Z","sentAt":"2026-01-01T00:00:00Z","n":1e400}'
    assert service.post("/api/events/batch", f'[{twice},{{"event":"strict","userId":"u"}}]').json["rejected"] == 2
    assert service.request("POST", f"/v1/track?writeKey={KEY}", twice).json["rejected"] == 1
    catalogue.mend()
    assert counts(catalogue.retry()) == (3, 1, 0, 2)


def test_of_two_keys_with_one_name_it_has_the_rights_of_both(tmp_path):
    """What the log knows of a key is its name: an untrusted client's address must not be believed for another's sake."""
    config = tmp_path / "config.json"
    keys = [{"Key": "a", "Name": "site", "TrustClientContext": True}, {"Key": "b", "Name": "site"}]
    config.write_text(json.dumps({"EventTracking": {"WriteKeys": keys}}))
    catalogue = Catalogue(tmp_path)
    service = catalogue.service
    service.arguments = ["--config", str(config)]
    del service.environment["EVENT_TRACKING_WRITE_KEY"]
    with service:
        assert service.post("/api/events", {"event": "strict", "userId": "u", "context": {"ip": "9.9.9.9"}}, key="b").json["rejected"] == 1
        catalogue.mend()
        assert counts(catalogue.retry()) == (1, 1, 0, 0)
        service.stop()
        assert service.records()[0]["value"]["context"]["ip"] == "127.0.0.1"


def test_what_inflates_to_a_lot_takes_no_more_memory_than_a_piece(catalogue, measured):
    service = catalogue.service
    body = gzip.compress(b'{"batch":"' + b"a" * 511_000 + b'"}')
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)
    for _ in range(1000):
        connection.request("POST", "/v1/batch", body, {"X-Write-Key": KEY, "Content-Encoding": "gzip"})
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())["rejected"]) == (200, 1)
    service.forget_peak()
    before = service.memory()[0]
    result = catalogue.command()
    assert result.stdout == "0 stored, 0 stored before, 1000 still rejected\n"
    grown = service.memory()[1] - before
    measured(f"1,000 rejected bodies of 511 kB: {grown:.0f} MiB more than before")
    assert grown < 320


def test_by_event_and_by_offsets(catalogue):
    service = catalogue.service
    for number in range(10):
        service.post("/api/events", [{"event": "strict", "userId": "u"}, {"event": "search", "userId": "u"}])
    catalogue.mend()
    assert counts(catalogue.retry(event="strict", to=4)) == (4, 2, 0, 0)
    assert counts(catalogue.retry(**{"from": 4, "event": "search"})) == (16, 0, 0, 8)
    assert counts(catalogue.retry(**{"from": 2, "to": 8, "event": "strict"})) == (6, 2, 1, 0)
    answer = catalogue.retry(**{"from": 1000})
    assert counts(answer) == (0, 0, 0, 0) and answer["next"] >= answer["end"]


def test_what_its_client_sent_again_is_not_stored_twice(catalogue):
    service = catalogue.service
    service.post("/api/events", [{"event": "strict", "userId": "u", "messageId": "m"}] * 3)
    catalogue.mend()
    assert counts(catalogue.retry(to=2)) == (2, 1, 1, 0), "the same event, rejected twice, is stored once"
    service.post("/api/events", {"event": "strict", "userId": "u", "messageId": "other"})
    assert counts(catalogue.retry()) == (3, 0, 3, 0)


def test_long_after_the_window_it_still_knows_what_is_stored(tmp_path):
    """Deduplication remembers one second; the log remembers."""
    catalogue = Catalogue(tmp_path, EVENT_TRACKING_DEDUP_WINDOW="1s")
    with catalogue.service as service:
        service.post("/api/events", [{"event": "strict", "userId": "u"}, {"event": "strict", "userId": "u", "messageId": "m"}])
        catalogue.mend()
        assert counts(catalogue.retry()) == (2, 2, 0, 0)
        time.sleep(3)
        assert counts(catalogue.retry()) == (2, 0, 2, 0)
        service.kill()
        service.start()
        assert counts(catalogue.retry()) == (2, 0, 2, 0)


def test_each_is_stored_once_however_often_it_is_killed(tmp_path, measured):
    count = 20_000
    chance = seeded("kills under a retry")
    catalogue = Catalogue(tmp_path, EVENT_TRACKING_DEDUP_WINDOW="1s", EVENT_TRACKING_BATCH_SIZE="1000", EVENT_TRACKING_MAX_PAYLOAD_SIZE="1000000")
    with catalogue.service as service:
        for start in range(0, count, 1000):
            batch = [{"event": "strict", "userId": f"u{n}", **({"messageId": f"m{n}"} if n % 2 else {}), "n": n} for n in range(start, start + 1000)]
            assert service.post("/api/events", batch).json["rejected"] == 1000
        catalogue.write(LOOSE)
        service.stop()
        service.start()
        # However fast the machine is, some lives end before anything is stored and some after a part.
        kills, stored, longest = 0, [0], 0.1
        while stored[-1] < count:
            def ask():
                # It has no answer where it is killed.
                with contextlib.suppress(OSError, http.client.HTTPException):
                    catalogue.retry()
            asked = threading.Thread(target=ask, daemon=True)
            asked.start()
            time.sleep(chance.random() * longest)
            service.kill()
            asked.join(timeout=60)
            kills += 1
            service.start()
            stored.append(Scrape(service).ledger()["stored"])
            longest = 0.1 if stored[-1] > stored[-2] else longest * 1.2
        assert len(set(stored)) > 2, "it was killed in between"
        final = catalogue.command()
        assert final.returncode == 0, final.stderr
        ledger = Scrape(service).ledger()
        service.stop()
        logged = collections.Counter(record["value"]["n"] for record in service.records())
        assert logged == dict.fromkeys(range(count), 1)
        assert (ledger["stored"], ledger["rejected"]) == (count, count)
        measured(f"{kills} kills, {len(set(stored)) - 2} of them in the middle, {count} events stored once")


def test_thousands_are_done_in_pieces(tmp_path):
    catalogue = Catalogue(tmp_path, EVENT_TRACKING_BATCH_SIZE="1000", EVENT_TRACKING_MAX_PAYLOAD_SIZE="1000000")
    with catalogue.service as service:
        for start in range(25):
            service.post("/api/events", [{"event": "strict", "userId": "u"}] * 1000)
        catalogue.mend()
        first = catalogue.retry()
        assert first["examined"] < 25_000 and first["next"] == first["examined"] and first["end"] == 25_000
        result = catalogue.command()
        assert result.returncode == 0
        assert result.stdout == f"{25_000 - first['stored']} stored, {first['stored']} stored before, 0 still rejected\n"


# MARK: The command and its address

def test_the_command_says_what_is_still_rejected(catalogue):
    catalogue.service.post("/api/events", [{"event": "strict", "userId": "u"}, {"event": "search", "userId": "u"}])
    catalogue.mend()
    result = catalogue.command()
    assert result.returncode == 1
    assert result.stdout == "1 stored, 0 stored before, 1 still rejected\n"
    assert result.stderr == "offset 1: /properties is required\n"
    assert catalogue.command("--event", "strict").stdout == "0 stored, 1 stored before, 0 still rejected\n"


def test_the_services_own_token_is_found(tmp_path):
    with Service(tmp_path / "data", generated_keys=True) as service:
        result = run("rejected", "retry", "--url", service.ready["http"], "--data-dir", service.data_dir)
        assert (result.returncode, result.stdout) == (0, "0 stored, 0 stored before, 0 still rejected\n")
    with Service(tmp_path / "other") as service:
        assert "writeKey" not in [line for line in service.log_path.read_text().splitlines() if "made for this data directory" in line][0]
        assert run("rejected", "retry", "--url", service.ready["http"], "--data-dir", service.data_dir).returncode == 0
        assert run("rejected", "retry", "--url", service.ready["http"], "--data-dir", tmp_path).returncode == 1


@pytest.mark.parametrize("headers", [
    {}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer "}, {"Authorization": f"Basic {TOKEN}"}, {"Authorization": TOKEN},
    {"Authorization": f"Bearer {TOKEN}x"}, {"Authorization": f"Bearer {TOKEN[:-1]}"}, {"X-Write-Key": KEY}])
def test_without_the_token_nothing_is_done(catalogue, headers):
    answer = catalogue.service.request("POST", "/api/admin/rejected/retry", "{}", headers)
    assert (answer.status, answer.json["code"]) == (401, "unauthorized")
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("body", ["", "[]", "{", '{"from":-1}', '{"from":"x"}', '{"to":1.5}', '{"event":7}'])
def test_a_request_that_is_none_is_told(catalogue, body):
    answer = catalogue.service.request("POST", "/api/admin/rejected/retry", body, ADMIN)
    assert (answer.status, answer.json["code"]) == (400, "invalid_body")


def test_metrics_are_for_administrators_behind_proxies_too(catalogue):
    forwarded = {"X-Forwarded-For": "203.0.113.9"}
    assert catalogue.service.request("GET", "/metrics", headers=forwarded).status == 403
    assert catalogue.service.request("GET", "/metrics", headers={**forwarded, **ADMIN}).status == 200


def test_two_at_once_are_refused_and_nothing_is_stored_twice(tmp_path):
    catalogue = Catalogue(tmp_path, EVENT_TRACKING_BATCH_SIZE="1000", EVENT_TRACKING_MAX_PAYLOAD_SIZE="1000000")
    with catalogue.service as service:
        for start in range(10):
            service.post("/api/events", [{"event": "strict", "userId": "u", "messageId": f"m{start}-{n}"} for n in range(1000)])
        catalogue.mend()
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(
            service.request("POST", "/api/admin/rejected/retry", "{}", ADMIN))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {answer.status for answer in answers} <= {200, 409} and 200 in {answer.status for answer in answers}
        assert sum(answer.json["stored"] for answer in answers if answer.status == 200) == 10_000
        assert Scrape(service).ledger()["stored"] == 10_000
