"""Rate limits, as clients meet them."""
import json
import time

import pytest
from scrape import Scrape
from service import KEY, Service, run

EVENT = {"event": "x", "userId": "u"}


@pytest.fixture
def start(tmp_path):
    def start(global_limit, per_ip, **environment):
        return Service(tmp_path / "data", {
            "EVENT_TRACKING_RATE_LIMITS_GLOBAL": str(global_limit), "EVENT_TRACKING_RATE_LIMITS_PER_IP": str(per_ip), **environment})
    return start


def refused(answer):
    assert answer.status == 429, answer.body
    assert answer.json["code"] == "rate_limited"
    return int(answer.headers["retry-after"])


def test_the_defaults_are_those_of_the_specification(tmp_path):
    """100 a second for an address, five seconds of them at once."""
    with Service(tmp_path / "data", {"EVENT_TRACKING_RATE_LIMITS_GLOBAL": "10000", "EVENT_TRACKING_RATE_LIMITS_PER_IP": "100"}) as given:
        given_answers = [given.post("/api/events", [EVENT] * 100).status for _ in range(6)]
    service = Service(tmp_path / "other")
    del service.environment["EVENT_TRACKING_RATE_LIMITS_GLOBAL"], service.environment["EVENT_TRACKING_RATE_LIMITS_PER_IP"]
    with service:
        assert [service.post("/api/events", [EVENT] * 100).status for _ in range(6)] == given_answers == [202] * 5 + [429]


def test_a_request_is_taken_whole_or_not_at_all(start):
    with start(0, 10) as service:
        assert service.post("/api/events", [EVENT] * 30).status == 202
        assert service.post("/api/events", [EVENT] * 20).json["accepted"] == 20
        # 50 are gone, five seconds' worth; seven come back in 0.7 s.
        assert refused(service.post("/api/events", [EVENT] * 7)) == 1
        assert refused(service.post("/api/events", [EVENT] * 27)) == 3
        assert "10 events per second of one client address" in service.post("/api/events", [EVENT] * 50).json["message"]
        figures = Scrape(service)
        assert figures.by("rate_limit_exceeded_total", "limit") == {"per_ip": 3}
        assert figures.ledger() == {"stored": 50, "duplicate": 0, "rejected": 0, "limited": 84, "unavailable": 0}
        assert figures.sum("events_failed_total", reason="rate_limited") == 84
        service.stop()
        assert len(service.records()) == 50 and not service.records("okla.events.rejected")


def test_what_retry_after_says_is_when_it_is_taken(start):
    with start(0, 10) as service:
        assert service.post("/api/events", [EVENT] * 50).status == 202
        seconds = refused(service.post("/api/events", [EVENT] * 12))
        assert seconds == 2
        time.sleep(seconds)
        assert service.post("/api/events", [EVENT] * 12).status == 202


def test_each_address_has_its_own_and_an_ipv6_network_one(start):
    with start(0, 2) as service:
        def send(address, count=10):
            return service.post("/api/events", [EVENT] * count, X_Forwarded_For=address).status
        assert send("192.0.2.1") == 202 and send("192.0.2.1", 2) == 429
        assert send("192.0.2.2") == 202
        assert send("2001:db8:1:2::1") == 202 and send("2001:db8:1:2:ffff::9", 3) == 429
        assert send("2001:db8:1:3::1") == 202


def test_a_client_that_is_not_trusted_cannot_choose_its_address(start):
    with start(0, 2, EVENT_TRACKING_TRUSTED_PROXIES="10.0.0.0/8") as service:
        statuses = [service.post("/api/events", [EVENT] * 10, X_Forwarded_For=f"192.0.2.{n}").status for n in range(3)]
        assert statuses == [202, 429, 429]


def test_the_global_limit_is_for_all_together(start):
    with start(20, 0) as service:
        assert service.post("/api/events", [EVENT] * 20, X_Forwarded_For="192.0.2.1").status == 202
        assert refused(service.post("/api/events", [EVENT] * 20, X_Forwarded_For="192.0.2.2")) == 1
        assert Scrape(service).by("rate_limit_exceeded_total", "limit") == {"global": 1}


def test_a_write_key_may_have_its_own_limit_or_none(tmp_path):
    keys = [{"Key": "free", "Name": "server", "PerIP": 0}, {"Key": "small", "Name": "small", "PerIP": 1}, {"Key": "usual", "Name": "usual"}]
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"EventTracking": {"WriteKeys": keys, "RateLimits": {"Global": 0, "PerIP": 10}}}))
    service = Service(tmp_path / "data", arguments=["--config", str(config)], generated_keys=True)
    for name in ("GLOBAL", "PER_IP"):
        del service.environment[f"EVENT_TRACKING_RATE_LIMITS_{name}"]
    with service:
        def send(key, count):
            return service.post("/api/events", [EVENT] * count, key=key).status
        assert [send("free", 100) for _ in range(10)] == [202] * 10
        assert [send("small", 5), send("small", 3)] == [202, 429]
        assert [send("usual", 50), send("usual", 20)] == [202, 429]
        figures = Scrape(service)
        assert figures.ledger(write_key="server")["stored"] == 1000
        assert figures.ledger(write_key="small")["limited"] == 3
        assert figures.ledger(write_key="usual")["limited"] == 20


def test_a_request_that_cannot_be_read_takes_nothing_and_an_invalid_event_does(start):
    with start(0, 1) as service:
        assert [service.post("/api/events", body).status for body in ("{", "[]", [EVENT] * 101)] == [400] * 3
        assert service.post("/api/events", [EVENT] * 2, key="wrong").status == 401
        assert service.post("/api/events", [{}] * 4).status == 422
        assert service.post("/api/events", [EVENT] * 3).status == 429
        assert service.post("/api/events", EVENT).status == 202


@pytest.mark.parametrize("name, value, told", [
    ("GLOBAL", "-1", "EventTracking.RateLimits.Global is -1; it must be 0 to 100000000"),
    ("PER_IP", "many", "EventTracking.RateLimits.PerIP is text; it must be a whole number"),
    ("PER_IP", "100000001", "EventTracking.RateLimits.PerIP is 100000001; it must be 0 to 100000000"),
])
def test_a_limit_that_is_none_is_told(tmp_path, name, value, told):
    with pytest.raises(RuntimeError, match=told):
        Service(tmp_path / "data", {f"EVENT_TRACKING_RATE_LIMITS_{name}": value}).start()


def test_send_waits_for_its_turn(start, tmp_path):
    path = tmp_path / "events.ndjson"
    path.write_text("".join(json.dumps({**EVENT, "messageId": f"m{n}"}) + "\n" for n in range(900)))
    with start(0, 100) as service:
        result = run("send", path, "--url", service.ready["http"], "--write-key", KEY, "--attempts", 1)
        assert result.returncode == 0, result.stderr
        assert result.stdout.startswith("900 stored, 0 duplicates, 0 rejected, 0 not sent")
        assert "a rate limit made requests wait" in result.stderr
        assert Scrape(service).ledger()["stored"] == 900
