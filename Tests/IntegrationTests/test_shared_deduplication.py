"""Two collectors, each with its own log, that share a Redis: an event that a client sends to both is stored by one of them, and none is lost
whatever ends."""
import concurrent.futures
import http.client
import time

import pytest

from load import seeded
from service import Service, run, wait_until
from test_turns import SYNCS

KEPT_FOR = 3600


def settings(redis_server, **more):
    return {"EVENT_TRACKING_DEDUP_REDIS_URL": f"redis://127.0.0.1:{redis_server.port}/3", "EVENT_TRACKING_DEDUP_WINDOW": f"{KEPT_FOR}s", **more}


def event(message_id, user="u"):
    return {"event": "a", "userId": user, "messageId": message_id}


def stored(*services):
    """The ids that they have stored, those of one after those of the other."""
    return [record["headers"]["messageId"] for service in services for record in service.records()]


def metric(service, name):
    lines = service.request("GET", "/metrics").body.decode().splitlines()
    return sum(int(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


def unknown(service):
    return metric(service, 'dedup_shared_claims_total{outcome="unknown"}')


@pytest.fixture
def redis(redis_server):
    with redis_server.client(db=3) as client:
        yield client


@pytest.fixture
def pair(tmp_path, redis_server):
    with Service(tmp_path / "a" / "data", settings(redis_server)) as a, Service(tmp_path / "b" / "data", settings(redis_server)) as b:
        yield a, b


def state(redis, message_id):
    return (redis.get(f"dedup:{message_id}") or b"").decode().partition(":")[0]


def test_what_another_collector_has_is_a_duplicate(pair, redis):
    a, b = pair
    assert a.post("/api/events", [event("m1"), event("m2")]).json["accepted"] == 2
    wait_until(lambda: state(redis, "m1") == state(redis, "m2") == "stored")
    assert KEPT_FOR - 60 < redis.ttl("dedup:m1") <= KEPT_FOR
    answer = b.post("/api/events?receipts=true", [event("m3"), event("m1"), {"event": "", "userId": "u"}, event("m3"), event("m4"), event("m2")])
    assert answer.status == 202 and (answer.json["accepted"], answer.json["duplicates"], answer.json["rejected"]) == (2, 3, 1)
    results = [(result["messageId"], result["status"], "offset" in result) for result in answer.json["results"]]
    # Of what is elsewhere there is no place.
    assert results == [("m3", "stored", True), ("m1", "duplicate", False), (None, "rejected", False), ("m3", "duplicate", True),
                       ("m4", "stored", True), ("m2", "duplicate", False)]
    assert stored(a) == ["m1", "m2"] and sorted(stored(b)) == ["m3", "m4"]
    assert len(b.records("okla.events.rejected")) == 1
    # Each remembers its own without asking.
    assert b.post("/api/events", event("m3")).json["duplicates"] == 1
    assert metric(b, 'dedup_shared_claims_total{outcome="stored"}') == 2 and metric(b, "dedup_shared_up") == 1


def test_ids_may_be_anything(pair):
    a, b = pair
    ids = ["🚗" * 63, "a b", "\"\\\u0001", "é:*", "x" * 200]
    assert a.post("/api/events", [event(name) for name in ids]).json["accepted"] == len(ids)
    assert b.post("/api/events", [event(name) for name in ids]).json["duplicates"] == len(ids)


def test_what_another_one_is_writing_is_to_be_sent_again(tmp_path, redis_server, redis, faults):
    with Service(tmp_path / "a" / "data", settings(redis_server, **faults.environment)) as a, \
            Service(tmp_path / "b" / "data", settings(redis_server)) as b, concurrent.futures.ThreadPoolExecutor(1) as clients:
        faults.hold(*SYNCS)
        first = clients.submit(a.post, "/api/events", event("m1"))
        wait_until(lambda: state(redis, "m1") == "pending")
        assert 0 < redis.ttl("dedup:m1") <= 30
        answer = b.post("/api/events", [event("m1"), event("m2")])
        assert answer.status == 503 and "another collector may be writing an event with the same messageId" in answer.body.decode()
        faults.clear()
        assert first.result().json["accepted"] == 1
        # And it knows that it has the other one already.
        answer = b.post("/api/events", [event("m1"), event("m2")])
        assert answer.status == 202 and answer.json["duplicates"] == 2
        assert stored(a, b) == ["m1", "m2"]


def test_one_waits_a_moment_for_what_another_one_is_writing(tmp_path, redis_server, redis, faults):
    with Service(tmp_path / "a" / "data", settings(redis_server, **faults.environment)) as a, \
            Service(tmp_path / "b" / "data", settings(redis_server)) as b, concurrent.futures.ThreadPoolExecutor(2) as clients:
        faults.hold(*SYNCS)
        first = clients.submit(a.post, "/api/events", event("m1"))
        wait_until(lambda: state(redis, "m1") == "pending")
        second = clients.submit(b.post, "/api/events", [event("m2"), event("m1")])
        wait_until(lambda: state(redis, "m2") == "pending")
        faults.clear()
        assert first.result().json["accepted"] == 1
        assert second.result().json == {"accepted": 1, "duplicates": 1, "rejected": 0, "results": [{"index": 1, "messageId": "m1", "status": "duplicate"}]}


def test_an_event_whose_collector_was_killed_before_it_was_durable_is_not_lost(tmp_path, redis_server, redis, faults):
    environment = settings(redis_server, **faults.environment)
    with Service(tmp_path / "a" / "data", environment) as a, Service(tmp_path / "b" / "data", settings(redis_server)) as b, \
            concurrent.futures.ThreadPoolExecutor(1) as clients:
        # The record does not even come into the file.
        faults.hold("pwrite*", "*/journal/*.journal")
        lost = clients.submit(a.post, "/api/events", [event("m1"), event("m2")])
        wait_until(lambda: state(redis, "m2") == "pending")
        a.kill()
        assert lost.exception()
        faults.clear()
        assert b.post("/api/events", event("m1")).status == 503
        a.start()
        # Its own claim does not stand in its way,
        assert a.post("/api/events", event("m1")).json["accepted"] == 1
        # and lapses for others after 30 s, which pass at once here.
        assert state(redis, "m2") == "pending"
        redis.pexpire("dedup:m2", 1)
        wait_until(lambda: state(redis, "m2") == "")
        assert b.post("/api/events", [event("m1"), event("m2")]).json["accepted"] == 1
        assert stored(a) == ["m1"] and stored(b) == ["m2"]


def test_what_could_not_be_written_is_free_for_others(tmp_path, redis_server, redis, faults):
    with Service(tmp_path / "a" / "data", settings(redis_server, LOG_MIN_FREE_BYTES=str(1 << 60))) as a, Service(tmp_path / "b" / "data", settings(redis_server)) as b:
        assert a.post("/api/events", event("m1")).status == 503
        wait_until(lambda: state(redis, "m1") == "")
        assert b.post("/api/events", event("m1")).json["accepted"] == 1


@pytest.mark.parametrize("stop, go_on", [("kill", "start"), ("pause", "go_on")])
def test_without_redis_events_are_stored_and_it_is_told_of_them_later(pair, redis_server, redis, stop, go_on):
    a, b = pair
    getattr(redis_server, stop)()
    took = []
    for number in range(20):
        begun = time.monotonic()
        assert a.post("/api/events", event(f"m{number}")).json["accepted"] == 1
        took.append(time.monotonic() - begun)
    # Somebody found out, and nobody else waited.
    assert sorted(took)[10] < 0.2 and max(took) < 5
    assert unknown(a) == 20 and metric(a, "dedup_shared_up") == 0
    assert "other collectors cannot be asked for what they have stored" in a.log_path.read_text()
    getattr(redis_server, go_on)()
    wait_until(lambda: all(state(redis, f"m{number}") == "stored" for number in range(20)))
    wait_until(lambda: metric(b, "dedup_shared_up") == 1)
    assert b.post("/api/events", [event(f"m{number}") for number in range(20)]).json["duplicates"] == 20
    wait_until(lambda: metric(a, "dedup_shared_up") == 1)
    assert "other collectors can be asked again" in a.log_path.read_text() and metric(a, "dedup_shared_untold_total") == 0


def test_a_connection_that_redis_has_closed_is_made_anew(pair, redis):
    """As it does with those that are idle for long (`timeout`)."""
    a, b = pair
    assert a.post("/api/events", event("m1")).json["accepted"] == b.post("/api/events", event("m2")).json["accepted"] == 1
    wait_until(lambda: state(redis, "m1") == state(redis, "m2") == "stored")
    redis.client_kill_filter(_type="normal", skipme=True)
    assert a.post("/api/events", [event("m2"), event("m3")]).json["duplicates"] == 1
    assert b.post("/api/events", [event("m1"), event("m3")]).json["duplicates"] == 2
    assert unknown(a) == unknown(b) == 0


@pytest.mark.parametrize("configure, back", [
    (lambda redis: redis.config_set("maxmemory", 1), lambda redis: redis.config_set("maxmemory", 0)),
    (lambda redis: redis.replicaof("127.0.0.1", 1), lambda redis: redis.replicaof("no", "one")),
], ids=["OOM", "READONLY"])
def test_a_redis_that_takes_nothing_stops_no_event(pair, redis, configure, back):
    a, b = pair
    configure(redis)
    assert a.post("/api/events", event("m1")).json["accepted"] == 1
    assert unknown(a) == 1
    back(redis)
    wait_until(lambda: state(redis, "m1") == "stored")
    wait_until(lambda: metric(b, "dedup_shared_up") == 1)
    assert b.post("/api/events", event("m1")).json["duplicates"] == 1


@pytest.mark.parametrize("url, says", [
    ("http://h", "EventTracking.Dedup.RedisUrl begins with http:; it must begin with redis:"),
    ("redis://:secret@h/x", "EventTracking.Dedup.RedisUrl names the database"),
])
def test_what_cannot_be_used_ends_the_start(tmp_path, url, says):
    result = run("serve", "--data-dir", tmp_path / "data", env={"PATH": "", "EVENT_TRACKING_DEDUP_REDIS_URL": url})
    assert result.returncode == 1 and says in result.stderr and "secret" not in result.stderr, result.stderr


def test_each_is_stored_once_by_two_that_are_killed(pair, redis, measured):
    """Clients send every event to one, and to the other where no answer came, as often as it takes; some send it to both all the same."""
    chance = seeded("shared")
    pair = list(pair)
    rounds, batches, size = 12, 30, 10

    def deliver(batch, order):
        """To one after the other, until it is acknowledged."""
        while True:
            for service in order:
                try:
                    if service.post("/api/events", batch).status == 202:
                        return
                except (OSError, http.client.HTTPException):
                    pass
            time.sleep(0.01)

    expected = set()
    with concurrent.futures.ThreadPoolExecutor(8) as clients:
        for round in range(rounds):
            jobs = []
            for number in range(batches):
                ids = [f"r{round}-b{number}-{place}" for place in range(size)]
                expected.update(ids)
                batch = [event(name, user=f"user-{chance.randrange(50)}") for name in ids]
                for order in [pair, pair[::-1]][:chance.choice([1, 1, 2])]:
                    jobs.append(clients.submit(deliver, batch, list(order)))
            victim = chance.choice(pair)
            time.sleep(chance.uniform(0, 0.1))
            victim.kill()
            # What it was writing lapses, which takes 30 s otherwise.
            for key in redis.scan_iter("dedup:*"):
                if (redis.get(key) or b"").startswith(b"pending"):
                    redis.pexpire(key, 1500)
            victim.start()
            for job in jobs:
                job.result()
    found = stored(*pair)
    assert set(found) == expected
    twice = len(found) - len(expected)
    measured(f"{rounds} kills, {len(expected)} events, {twice} of them stored by both")
    # Only what was durable when its collector was killed and not confirmed yet, or told to a client.
    assert twice < len(expected) / 50
