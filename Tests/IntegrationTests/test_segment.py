"""The Segment-compatible door, by Segment's own and RudderStack's own clients and by hand."""
import base64
import collections
import json
import random
import subprocess
import sys
import time

import pytest
from load import seeded
from lossy import LossyProxy
from scrape import Scrape
from service import KEY, Service

TRACK = {"type": "track", "event": "x", "userId": "u"}
BASIC = {"Authorization": "Basic " + base64.b64encode(f"{KEY}:".encode()).decode()}

# Runs one of the clients as an application would, and writes what it was given and what it reported as lost.
APPLICATION = """
import datetime, json, sys, time
which, host, count, seed, pause = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])
import random
random.seed(seed)
if which == "segment":
    from segment.analytics.client import Client
    # It waits as Retry-After says, and else doubles its pause from half a second.
    options = {"gzip": bool(seed % 2)}
else:
    from rudderstack.analytics.client import Client
    options = {"gzip": bool(seed % 2)}
lost = []
client = Client("test-key", host=host, on_error=lambda error, items: lost.append(str(error)), max_queue_size=100000,
                upload_interval=0.1, **options)
sent = {}
for number in range(count):
    message, user = f"{which}-{number}", f"user-{random.randrange(500)}"
    common = {"anonymous_id": f"anon-{number % 7}", "context": {"ip": "203.0.113.9", "locale": "es-DO"}, "message_id": message,
              "timestamp": datetime.datetime.now(datetime.timezone.utc)}
    call = random.choice(["track", "track", "track", "identify", "page", "screen", "group", "alias"])
    if call == "track":
        event = random.choice(["vehicle_view", "search", "mine"])
        client.track(user, event, {"vehicleId": "v-1", "query": "toyota", "price": 12.5, "list": [1, None, {"a": "b"}]}, **common)
    elif call == "identify":
        event = "identify"
        client.identify(user, {"email": "juan@email.com", "name": "Juan Pérez 🚗"}, **common)
    elif call == "page":
        event = "page_view"
        client.page(user, "docs", "Home", {"url": "https://okla.com.do/", "title": "OKLA"}, **common)
    elif call == "screen":
        event = "screen_view"
        client.screen(user, None, "Home", {}, **common)
    elif call == "group":
        event = "group"
        client.group(user, "dealer-456", {"name": "Autos del Caribe"}, **common)
    else:
        event = "alias"
        del common["anonymous_id"]
        client.alias(f"anon-{number % 7}", user, **common)
    sent[message] = [event, user]
    if pause and number % 100 == 99:
        time.sleep(pause)
client.shutdown()
json.dump({"sent": sent, "lost": lost}, open(sys.argv[6], "w"))
"""


class Application:
    def __init__(self, folder, which, url, count, seed, pause=0):
        self.result = folder / "sent.json"
        self.process = subprocess.Popen(
            [sys.executable, "-c", APPLICATION, which, url, str(count), str(seed), str(pause), str(self.result)])

    @property
    def is_running(self):
        return self.process.poll() is None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.is_running:
            self.process.kill()
        self.process.wait()

    def sent(self):
        """Waits for its end."""
        assert self.process.wait(timeout=300) == 0
        result = json.loads(self.result.read_text())
        assert not result["lost"], result["lost"][:3]
        return result["sent"]


def check(service, sent):
    """Each event stands in the log once, under its name and its user, and nothing was rejected."""
    stored = collections.Counter()
    for record in service.records():
        message, event = record["headers"]["messageId"], record["value"]
        stored[message] += 1
        assert [event["event"], event["userId"]] == sent[message], message
        assert record["headers"]["event"] == event["event"] and record["key"] == event["userId"]
        assert "type" not in event
        assert event["event"] not in ("identify", "group") or event["traits"]["name"], "traits come from either place"
        assert event["context"]["library"]["name"] == "analytics-python" and "browser" not in event["context"]
    assert set(stored.values()) == {1}
    assert stored.keys() == sent.keys()
    assert not service.records("okla.events.rejected")


@pytest.mark.parametrize("which", ["segment", "rudderstack"])
def test_ten_thousand_events_of_a_real_client_are_stored_once(service, tmp_path, which):
    with Application(tmp_path, which, service.ready["http"], 10_000, seed=1 if which == "segment" else 2) as client:
        sent = client.sent()
    assert len(sent) == 10_000
    figures = Scrape(service)
    assert figures.ledger() == {"stored": 10_000, "duplicate": 0, "rejected": 0, "limited": 0, "unavailable": 0}
    service.stop()
    check(service, sent)


@pytest.mark.parametrize("which", ["segment", "rudderstack"])
def test_none_is_lost_or_doubled_while_the_service_is_killed(tmp_path, which, measured):
    chance = seeded(f"kills under {which}")
    service = Service(tmp_path / "data").start()
    kills = 0
    # Some answers are lost on their way as well, so that clients repeat what is stored.
    with LossyProxy(service, chance, 0.1) as proxy, Application(tmp_path, which, proxy.url, 10_000, 3, pause=0.05) as client:
        while client.is_running:
            time.sleep(0.2 + chance.random())
            if kills < 12:
                service.kill()
                kills += 1
                time.sleep(0.1 * chance.random())
                service.start()
        sent = client.sent()
    service.stop()
    check(service, sent)
    measured(f"{which}: {kills} kills, {proxy.lost} answers lost, 10,000 events stored once")
    assert kills > 3 and proxy.lost > 0


# MARK: By hand

@pytest.mark.parametrize("call, short, name", [
    ("track", "t", "x"), ("identify", "i", "identify"), ("page", "p", "page_view"), ("screen", "s", "screen_view"),
    ("group", "g", "group"), ("alias", "a", "alias")])
def test_each_call_has_its_two_addresses(service, call, short, name):
    event = {"userId": "u", "properties": {"url": "https://okla.com.do/"}, **({"event": "x"} if call == "track" else {})}
    for address in (call, short):
        answer = service.request("POST", f"/v1/{address}", json.dumps(event), BASIC)
        assert answer.status == 200 and answer.json == {"accepted": 1, "duplicates": 0, "rejected": 0, "results": []}
    service.stop()
    assert [record["value"]["event"] for record in service.records()] == [name] * 2


def test_a_batch_with_bad_events_is_taken_but_for_these(service):
    batch = [TRACK, {"type": "track", "userId": "u"}, {"type": "nothing", "userId": "u"}, 7, {**TRACK, "messageId": "m"}, {**TRACK, "messageId": "m"},
             {"type": "track", "event": "search", "userId": "u"}]
    answer = service.request("POST", "/v1/batch", json.dumps({"batch": batch}), BASIC)
    assert answer.status == 200
    assert {name: answer.json[name] for name in ("accepted", "duplicates", "rejected")} == {"accepted": 2, "duplicates": 1, "rejected": 4}
    assert [(r["index"], r["errors"][0]["path"]) for r in answer.json["results"] if r["status"] == "rejected"] == [
        (1, ""), (2, "/type"), (3, ""), (6, "/properties")]
    service.stop()
    assert [record["value"] for record in service.records("okla.events.rejected")] == [batch[1], batch[2], 7, batch[6]]


def test_wholly_rejected_is_200_too(service):
    assert service.request("POST", "/v1/track", "{}", BASIC).status == 200
    assert service.request("POST", "/v1/batch", '{"batch":7}', BASIC).status == 200
    assert service.request("POST", "/v1/batch", '{"batch":[]}', BASIC).status == 200
    assert Scrape(service).ledger()["rejected"] == 2


@pytest.mark.parametrize("path, body, headers, status, code", [
    ("/v1/track", "{", BASIC, 400, "invalid_json"), ("/v1/batch", "", BASIC, 400, "invalid_json"),
    ("/v1/track", json.dumps(TRACK), {}, 401, "missing_write_key"),
    ("/v1/batch", '{"batch":[],"writeKey":"wrong"}', {}, 401, "unknown_write_key"),
    ("/v1/track", json.dumps({**TRACK, "pad": "x" * 33_000}), BASIC, 413, "payload_too_large"),
    ("/v1/batch", json.dumps({"batch": [TRACK], "pad": "x" * 512_000}), BASIC, 413, "payload_too_large"),
    ("/v1/batch", json.dumps({"batch": [TRACK] * 2501}), BASIC, 400, "too_many_events"),
    ("/v1/track", json.dumps(TRACK), {**BASIC, "Content-Encoding": "br"}, 415, "unsupported_encoding"),
    ("/v1/nothing", json.dumps(TRACK), BASIC, 404, "not_found"),
], ids=["no JSON", "nothing", "no key", "wrong key", "large event", "large batch", "many events", "encoding", "address"])
def test_an_error_has_a_code_and_a_message(service, path, body, headers, status, code):
    answer = service.request("POST", path, body, headers)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert len(answer.json["message"]) > 5


def test_a_batch_of_500_kb_is_taken_as_it_is_and_compressed(service):
    import gzip
    events = [{**TRACK, "messageId": f"m{n}", "properties": {"text": random.Random(n).randbytes(7500).hex()}} for n in range(33)]
    body = json.dumps({"batch": events})
    assert 495_000 < len(body) < 512_000
    assert service.request("POST", "/v1/batch", body, BASIC).json["accepted"] == 33
    answer = service.request("POST", "/v1/batch", gzip.compress(body.encode()), {**BASIC, "Content-Encoding": "gzip"})
    assert answer.json["duplicates"] == 33
    # What inflates to more is not.
    bomb = gzip.compress(json.dumps({"batch": [TRACK], "pad": "x" * 600_000}).encode())
    assert service.request("POST", "/v1/batch", bomb, {**BASIC, "Content-Encoding": "gzip"}).status == 413


def test_a_browser_of_another_origin_may_post(service):
    """As analytics.js does: the key within the body, text/plain, so without a preflight."""
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    body = json.dumps({**TRACK, "writeKey": KEY, "sentAt": "2026-01-01T00:00:00.000Z"})
    answer = service.request("POST", "/v1/t", body, {"Origin": "https://okla.com.do", "Content-Type": "text/plain", "User-Agent": agent})
    assert answer.status == 200 and answer.headers["access-control-allow-origin"] == "https://okla.com.do"
    preflight = service.request("OPTIONS", "/v1/t", None, {"Origin": "https://okla.com.do", "Access-Control-Request-Method": "POST"})
    assert preflight.status == 204 and preflight.headers["access-control-allow-methods"] == "POST, OPTIONS"
    service.stop()
    event = service.records()[0]["value"]
    assert event["context"]["browser"]["name"] == "Firefox" and "writeKey" not in event


def test_rate_limits_hold_here_too(tmp_path):
    with Service(tmp_path / "data", {"EVENT_TRACKING_RATE_LIMITS_PER_IP": "2"}) as service:
        body = json.dumps({"batch": [TRACK] * 10})
        assert service.request("POST", "/v1/batch", body, BASIC).status == 200
        answer = service.request("POST", "/v1/batch", body, BASIC)
        assert answer.status == 429 and int(answer.headers["retry-after"]) >= 4
