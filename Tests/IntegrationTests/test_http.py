"""Every status and body form of the public API, over real HTTP, against the real binary."""
import base64
import contextlib
import gzip
import json
import os
import pathlib
import socket
import subprocess
import zlib

import pytest

from service import BINARY, KEY, ROOT, Service, run

EVENT = {"event": "vehicle_view", "userId": "user-1", "properties": {"vehicleId": "v-1"}}


def event(number=0, **members):
    return {**EVENT, "messageId": f"m-{number}", **members}


# What is taken

@pytest.mark.parametrize("path, body, count", [
    ("/api/events", event(), 1),
    ("/api/events", [event(1), event(2)], 2),
    ("/api/events", {"batch": [event(1), event(2)], "sentAt": "2026-01-21T10:30:45Z"}, 2),
    ("/api/events/batch", [event(1)], 1),
    ("/api/events/batch", {"batch": [event(1), event(2), event(3)]}, 3),
    ("/api/events/identify", {"userId": "u", "traits": {"plan": None}}, 1),
    ("/api/events/page", {"anonymousId": "a", "context": {"page": {"url": "https://okla.com.do/"}}}, 1),
    ("/api/events/track", event(), 1),
])
def test_every_address_and_body_form_is_stored(service, path, body, count):
    answer = service.post(path, body)
    assert answer.status == 202
    assert answer.headers["content-type"] == "application/json"
    assert answer.json == {"accepted": count, "duplicates": 0, "rejected": 0, "results": []}
    assert len(service.records()) == count


def compressed(data, how):
    if how == "gzip":
        return gzip.compress(data)
    if how == "gzip, two members":
        return gzip.compress(data[:9]) + gzip.compress(data[9:])
    return zlib.compress(data) if how == "zlib" else zlib.compress(data)[2:-4]


@pytest.mark.parametrize("how, header", [
    ("gzip", "gzip"), ("gzip", "x-gzip"), ("gzip", "GZIP"), ("gzip, two members", "gzip"), ("zlib", "deflate"), ("raw", "deflate"),
])
def test_compressed_bodies_are_inflated(service, how, header):
    body = compressed(json.dumps([event(n) for n in range(100)]).encode(), how)
    answer = service.post("/api/events/batch", body, Content_Encoding=header)
    assert (answer.status, answer.json["accepted"]) == (202, 100)


def test_a_beacon_is_taken(service):
    answer = service.request("POST", f"/api/events?writeKey={KEY}", json.dumps([event()]), {"Content-Type": "text/plain;charset=UTF-8"})
    assert answer.status == 202


@pytest.mark.parametrize("place", ["basic", "header", "query", "body"])
def test_the_write_key_is_found_in_its_four_places(service, place):
    path, headers, body = "/api/events", {}, event()
    if place == "basic":
        headers["Authorization"] = "Basic " + base64.b64encode(f"{KEY}:".encode()).decode()
    elif place == "header":
        headers["X-Write-Key"] = KEY
    elif place == "query":
        path += f"?writeKey={KEY}"
    else:
        body["writeKey"] = KEY
    assert service.request("POST", path, json.dumps(body), headers).status == 202
    assert KEY not in json.dumps(service.records()[0]["value"])


@pytest.mark.parametrize("name", ["schema-base", "identify"])
def test_the_sources_examples_are_stored_as_they_stand(service, name):
    text = (ROOT / f"Fixtures/source-examples/{name}.json").read_text()
    assert service.post("/api/events", text).json["accepted"] == 1
    record = service.records()[0]
    sent = json.loads(text)
    stored = record["value"]
    received = stored.pop("receivedAt")
    assert received.endswith("Z") and len(received) == 24
    if name == "schema-base":
        assert stored["context"].pop("ip") == "127.0.0.1"
        sent["context"].pop("ip")
    else:
        assert stored.pop("context") == {"ip": "127.0.0.1"}
        assert len(stored.pop("messageId")) == 36
    assert stored == sent
    assert record["key"] == "user-123"
    assert record["headers"]["event"] == sent["event"]


# Receipts, duplicates, rejections

def test_receipts_name_where_each_event_is(service):
    answer = service.post("/api/events?receipts=true", [event(n, userId=f"user-{n}") for n in range(20)]).json
    placed = {(r["partition"], r["offset"]): r["messageId"] for r in answer["results"]}
    assert [r["index"] for r in answer["results"]] == list(range(20))
    assert {r["status"] for r in answer["results"]} == {"stored"}
    assert placed == {(r["partition"], r["offset"]): r["headers"]["messageId"] for r in service.records()}


def test_a_duplicate_names_the_originals_place_also_after_restarts(service):
    first = service.post("/api/events?receipts=true", event(7)).json["results"][0]
    for how in (None, service.stop, service.kill):
        if how:
            how()
            service.start()
        answer = service.post("/api/events", event(7))
        assert answer.status == 202
        assert answer.json == {"accepted": 0, "duplicates": 1, "rejected": 0, "results": [{
            "index": 0, "messageId": "m-7", "status": "duplicate", "partition": first["partition"], "offset": first["offset"]}]}
    assert len(service.records()) == 1


def test_bad_events_cost_their_neighbours_nothing(service):
    body = '[{"event":"a","userId":"u"},{"event":"b"},{"event":"c","userId":"u","n":1e400},{"event":"\\ud83d","userId":"u"}]'
    answer = service.post("/api/events", body)
    assert answer.status == 202
    assert (answer.json["accepted"], answer.json["rejected"]) == (2, 2)
    assert [(r["index"], r["errors"][0]["keyword"]) for r in answer.json["results"]] == [(1, "required"), (2, "range")]
    rejected = service.records("okla.events.rejected")
    assert rejected[0]["value"] == {"event": "b"}
    assert json.loads(rejected[0]["headers"]["errors"]) == answer.json["results"][0]["errors"]
    assert rejected[0]["headers"]["writeKey"] == "default"
    assert {r["value"]["event"] for r in service.records()} == {"a", "\ufffd"}


def test_422_where_every_event_is_rejected(service):
    answer = service.post("/api/events", {"event": "a"})
    assert answer.status == 422
    assert answer.json["rejected"] == 1
    assert answer.json["results"][0]["errors"] == [{
        "path": "", "keyword": "required", "message": "userId or anonymousId is required"}]


# What is refused as a whole

@pytest.mark.parametrize("path, body, code, words", [
    ("/api/events", '{"event":"a",}', "invalid_json", "at byte 13"),
    ("/api/events", "", "invalid_json", "empty"),
    ("/api/events", b'{"event":"\xff"}', "invalid_json", "UTF-8 at byte 10"),
    ("/api/events", "[]", "empty_batch", ""),
    ("/api/events/batch", {"batch": []}, "empty_batch", ""),
    ("/api/events/batch", EVENT, "invalid_body", "array"),
    ("/api/events/track", [EVENT], "invalid_body", "one event"),
    ("/api/events", "3", "invalid_body", ""),
    ("/api/events", [EVENT] * 101, "too_many_events", "101 events"),
])
def test_400(service, path, body, code, words):
    answer = service.post(path, body, compress="gzip")
    assert (answer.status, answer.json["code"]) == (400, code)
    assert words in answer.json["message"]
    assert service.records() == []


def test_400_for_a_body_that_is_not_what_its_encoding_says(service):
    answer = service.post("/api/events", b"no gzip at all", Content_Encoding="gzip")
    assert (answer.status, answer.json["code"]) == (400, "invalid_encoding")


def test_401(service):
    answer = service.post("/api/events", EVENT, key=None)
    assert (answer.status, answer.json["code"]) == (401, "missing_write_key")
    answer = service.post("/api/events", EVENT, key="wrong")
    assert (answer.status, answer.json["code"]) == (401, "unknown_write_key")


def test_403(tmp_path):
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"EventTracking": {"WriteKeys": [
        {"Key": "off", "Name": "old", "Disabled": True},
        {"Key": "web", "Name": "web", "AllowedOrigins": ["https://okla.com.do"]}]}}))
    with Service(tmp_path / "data", arguments=["--config", str(config)], generated_keys=True) as service:
        assert service.post("/api/events", EVENT, key="off").json["code"] == "write_key_disabled"
        answer = service.post("/api/events", EVENT, key="web", Origin="https://evil.example")
        assert (answer.status, answer.json["code"]) == (403, "origin_not_allowed")
        assert "access-control-allow-origin" not in answer.headers
        answer = service.post("/api/events", EVENT, key="web", Origin="https://okla.com.do")
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (202, "https://okla.com.do")


@pytest.mark.parametrize("how", ["declared", "chunked", "inflated"])
def test_413(service, how):
    if how == "inflated":
        answer = service.post("/api/events", b" " * 1_100_000, compress="gzip")
    elif how == "declared":
        answer = service.post("/api/events", b" " * 40_000)
    else:
        with socket.create_connection(("127.0.0.1", service.port), timeout=30) as connection:
            connection.sendall(f"POST /api/events HTTP/1.1\r\nHost: x\r\nX-Write-Key: {KEY}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
            # Closed before all is sent: the answer can be read all the same.
            with contextlib.suppress(ConnectionError):
                for _ in range(40):
                    connection.sendall(b"400\r\n" + b" " * 1024 + b"\r\n")
            assert b" 413 " in connection.recv(4096).split(b"\r\n")[0]
        return
    assert (answer.status, answer.json["code"]) == (413, "payload_too_large")


def test_one_event_over_the_limit_after_inflating_is_rejected_alone(service):
    answer = service.post("/api/events", [event(1, big="x" * 40_000), event(2)], compress="gzip")
    assert (answer.status, answer.json["accepted"], answer.json["rejected"]) == (202, 1, 1)
    assert answer.json["results"][0]["errors"][0]["keyword"] == "maxBytes"


def test_415(service):
    answer = service.post("/api/events", EVENT, Content_Encoding="br")
    assert (answer.status, answer.json["code"]) == (415, "unsupported_encoding")


def test_other_addresses_and_methods_answer_with_code_and_message(service):
    for method, path in ("GET", "/nowhere"), ("GET", "/api/events"), ("PUT", "/api/events"):
        answer = service.request(method, path)
        assert answer.status in (404, 405)
        assert set(answer.json) == {"code", "message"}


# CORS and health

def test_a_preflight_is_answered(service):
    answer = service.request("OPTIONS", "/api/events/batch", headers={
        "Origin": "https://okla.com.do", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-encoding"})
    assert answer.status == 204
    assert answer.headers["access-control-allow-origin"] == "https://okla.com.do"
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert "Content-Encoding" in answer.headers["access-control-allow-headers"]
    assert answer.headers["vary"] == "Origin"
    refused = service.post("/api/events", "{", Origin="https://okla.com.do")
    assert (refused.status, refused.headers["access-control-allow-origin"]) == (400, "https://okla.com.do")


def test_health(service):
    assert service.request("GET", "/health/live").json == {"status": "live"}
    assert service.request("GET", "/health/ready").json == {"status": "ready"}


def test_generated_keys_are_private_shown_once_and_work(tmp_path):
    with Service(tmp_path / "data", generated_keys=True) as service:
        path = service.data_dir / "credentials.json"
        assert path.stat().st_mode & 0o777 == 0o600
        key = json.loads(path.read_text())["writeKey"]
        assert service.log_path.read_text().count(key) == 1
        assert service.post("/api/events", EVENT, key=key).status == 202
        service.stop()
        service.start()
        assert service.post("/api/events", EVENT, key=key).status == 202
        assert service.log_path.read_text().count(key) == 1


def test_ephemeral_data_are_gone_at_the_end():
    process = subprocess.Popen([BINARY, "serve", "--port", "0", "--ephemeral"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               env={**os.environ, "EVENT_TRACKING_WRITE_KEY": KEY})
    ready = json.loads(process.stdout.readline())
    assert pathlib.Path(ready["dataDir"]).is_dir()
    process.terminate()
    assert process.wait(timeout=30) == 0
    process.stdout.close()
    assert not pathlib.Path(ready["dataDir"]).exists()


def test_a_second_service_on_the_same_directory_is_refused(service):
    result = run("serve", "--port", "0", "--data-dir", service.data_dir)
    assert result.returncode == 1
    assert f"in use by the process {service.process.pid}" in result.stderr
    assert service.post("/api/events", EVENT).status == 202


@pytest.mark.parametrize("arguments, environment, words", [
    (["--config", "/no/such/file"], {}, "/no/such/file: cannot be read"),
    ([], {"EVENT_TRACKING_BATCH_SIZE": "many"}, "EventTracking.BatchSize is text; it must be a whole number"),
    ([], {"KAFKA_BROKERS": "a:9092"}, "Kafka.Brokers is set, but"),
    (["--config", str(ROOT / "Fixtures/source-examples/configuration.json")], {}, "EVENT_TRACKING_WRITE_KEY} is not set"),
])
def test_a_configuration_that_cannot_be_met_refuses_to_start(tmp_path, arguments, environment, words):
    environment = {**{k: v for k, v in os.environ.items() if not k.startswith("EVENT_TRACKING")}, **environment}
    result = run("serve", "--port", "0", "--data-dir", tmp_path / "d", *arguments, env=environment)
    assert result.returncode == 1
    assert words in result.stderr


def test_wrong_usage_is_64():
    assert run("serve", "--port", "99999").returncode == 64
    assert run("nonsense").returncode == 64
    assert run("--help").returncode == 0
