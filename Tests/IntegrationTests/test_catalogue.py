"""Events against the catalogue: what is rejected and why, what is kept of it, and what is stored."""
import json
import pathlib
import time

import pytest
from kafka.record import MemoryRecords

from catalogue import FIXTURES, base, event, lines, schema, told, with_catalogue
from service import Service, run


def test_an_event_that_breaks_its_schema_is_rejected_alone_and_kept(service):
    bad = '{"event":"vehicle_view",  "userId":"u","messageId":"m2","properties":{"vehicleId":null}}'
    good = [event("vehicle_view", {"vehicleId": f"v{n}", "source": None}) for n in range(2)]
    answer = service.post("/api/events", f"[{json.dumps(good[0])},{bad},{json.dumps(good[1])}]")
    assert (answer.status, answer.json["accepted"], answer.json["rejected"]) == (202, 2, 1)
    errors = [{"path": "/properties/vehicleId", "keyword": "type", "message": "must be a string, not null"}]
    assert answer.json["results"] == [{"index": 1, "messageId": "m2", "status": "rejected", "errors": errors}]
    assert {record["value"]["properties"]["vehicleId"] for record in service.records()} == {"v0", "v1"}
    [kept] = service.records("okla.events.rejected")
    assert kept["key"] == "u" and kept["value"] == json.loads(bad) and json.loads(kept["headers"]["errors"]) == errors
    assert {name: kept["headers"][name] for name in ("event", "messageId", "writeKey", "endpoint", "clientAddress")} == {
        "event": "vehicle_view", "messageId": "m2", "writeKey": "default", "endpoint": "events", "clientAddress": "127.0.0.1"}
    dump = run("log", "dump", "--data-dir", service.data_dir, "--topic", "okla.events.rejected", "--format", "hex").stdout
    assert bad.encode().hex() in dump, "its bytes as they were sent"


def test_422_where_every_event_breaks_its_schema(service):
    answer = service.post("/api/events", [event("vehicle_view", {}, messageId="a"), event("search", {"query": 5})])
    assert (answer.status, answer.json["accepted"], answer.json["rejected"]) == (422, 0, 2)
    assert answer.json["results"] == [
        {"index": 0, "messageId": "a", "status": "rejected", "errors": [
            {"path": "/properties/vehicleId", "keyword": "required", "message": "is required"}]},
        {"index": 1, "messageId": None, "status": "rejected", "errors": [
            {"path": "/properties/query", "keyword": "type", "message": "must be a string, not a whole number"}]}]
    assert service.records() == []


def test_kafka_python_reads_what_was_rejected_as_the_client_sent_it(service):
    sent = ['{"event": "vehicle_view","userId":"ñandú","messageId":"m1","properties":{"vehicleId":[ 1.50 ,"\\u00f1"]}}',
            '{"anonymousId":"a","event":"search"\n}', '{"event":"search","no":"id"}']
    answers = [service.post("/api/events", text, User_Agent="tests") for text in sent]
    assert service.stop() == 0
    [path] = pathlib.Path(service.data_dir, "log").glob("okla.events.rejected-0/*.log")
    batches, records = MemoryRecords(path.read_bytes()), []
    while batches.has_next():
        records += list(batches.next_batch())
    assert [record.value.decode() for record in records] == sent
    assert [record.key for record in records] == ["ñandú".encode(), b"a", None]
    headers = [{name: value.decode() for name, value in record.headers} for record in records]
    assert [json.loads(header.pop("errors")) for header in headers] == [answer.json["results"][0]["errors"] for answer in answers]
    way_in = {"writeKey": "default", "endpoint": "events", "clientAddress": "127.0.0.1", "userAgent": "tests"}
    assert headers == [{"event": "vehicle_view", "messageId": "m1", **way_in}, {"event": "search", **way_in}, {"event": "search", **way_in}]


def test_an_event_that_was_rejected_can_be_sent_again_mended(service):
    bad, mended = [event("vehicle_view", {"vehicleId": value}, messageId="same") for value in (5, "5")]
    assert service.post("/api/events", bad).status == 422
    service.kill()
    service.start()
    assert service.post("/api/events", [bad, mended, bad]).json["accepted"] == 1
    assert [record["value"]["properties"]["vehicleId"] for record in service.records()] == ["5"]
    assert len(service.records("okla.events.rejected")) == 3


def test_every_event_that_fits_is_stored(service):
    valid = [line["event"] for line in lines("valid.ndjson")]
    for start in range(0, len(valid), 50):
        batch = [{**event, "messageId": f"valid-{start + n}"} for n, event in enumerate(valid[start:start + 50])]
        answer = service.post("/api/events", batch, compress="gzip")
        assert (answer.status, answer.json["accepted"], answer.json["rejected"]) == (202, len(batch), 0), answer.body
    assert len(service.records()) == len(valid)
    assert service.records("okla.events.rejected") == []


def test_every_event_that_breaks_a_rule_is_rejected_with_its_place_and_the_rule(service):
    invalid = lines("invalid.ndjson")
    for start in range(0, len(invalid), 50):
        batch = invalid[start:start + 50]
        answer = service.post("/api/events", [line["event"] for line in batch], compress="gzip")
        assert (answer.status, answer.json["rejected"]) == (422, len(batch))
        for line, result in zip(batch, answer.json["results"], strict=True):
            # Times are among what every event is asked for before its schema is.
            keyword = "format" if line["path"] in ("/timestamp", "/sentAt") and line["keyword"] == "anyOf" else line["keyword"]
            assert [(e["path"], e["keyword"]) for e in result["errors"]] == [(line["path"], keyword)], line
            assert all(error["message"] for error in result["errors"])
    assert service.records() == []
    assert [record["value"] for record in service.records("okla.events.rejected")] == [line["event"] for line in invalid]


EXAMPLES = sorted(path.name for path in (FIXTURES / "source-examples").glob("*.json") if path.name != "configuration.json")


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_of_the_source_is_stored(service, name):
    answer = service.post("/api/events", (FIXTURES / "source-examples" / name).read_bytes())
    assert (answer.status, answer.json) == (202, {"accepted": 1, "duplicates": 0, "rejected": 0, "results": []})


# MARK: Addresses of their own


@pytest.mark.parametrize("body, errors", [
    ({"context": {"page": {"url": "/a"}}}, []), ({"properties": {"url": "/a"}}, []), ({"context": {"page": {"url": "/a"}}, "properties": {"title": "t"}}, []),
    ({"context": {"page": {"url": "/a"}}, "properties": None}, []), ({"context": {"page": {"url": "/a"}}, "properties": {"url": None}}, []),
    ({}, [("/properties", "required")]), ({"context": {"page": {"title": "t"}}}, [("/properties/url", "required")]),
    ({"context": {"page": {"url": "/a"}}, "properties": {"title": 5}}, [("/properties/title", "type")]),
    ({"context": {"page": {"url": "/a"}}, "properties": {"url": 5}}, [("/properties/url", "type")]),
])
def test_a_page_is_checked_with_the_properties_that_it_is_stored_with(service, body, errors):
    answer = service.post("/api/events/page", {"userId": "u", **body})
    assert told(answer) == errors and answer.status == (422 if errors else 202)
    [record] = service.records("okla.events.rejected" if errors else "okla.events.raw")
    assert record["value"] == {"userId": "u", **body} if errors else record["value"]["properties"]["url"] == "/a"


@pytest.mark.parametrize("rules, context, errors", [
    ({}, {"ip": 5}, [("/context/ip", "type")]),
    ({"context": {"properties": {"page": {}}, "additionalProperties": False}}, {}, []),
    ({"receivedAt": False}, {}, []),
], ids=["the client's address", "no further members of context", "no receivedAt"])
def test_what_the_service_adds_to_a_page_is_not_checked_as_the_clients(tmp_path, own, rules, context, errors):
    schema(own, "shared/event.json", base(**rules))
    with with_catalogue(tmp_path, own) as service:
        page = {"userId": "u", "context": {"page": {"url": "/a"}, **context}}
        assert told(service.post("/api/events", {"event": "page_view", "properties": {"url": "/a"}, **page})) == errors
        assert told(service.post("/api/events/page", page)) == errors


def test_identify_is_checked_by_its_own_schema(service):
    assert service.post("/api/events/identify", {"userId": "u", "traits": {"createdAt": "2025-03-15"}}).status == 202
    assert service.post("/api/events/identify", {"event": None, "userId": "u", "traits": None}).status == 202
    bad = {"userId": "u", "traits": {"createdAt": "March"}}
    assert told(service.post("/api/events/identify", bad)) == [("/traits/createdAt", "anyOf")]
    assert told(service.post("/api/events/identify", {"event": "identify", **bad})) == [("/traits/createdAt", "anyOf")]
    assert told(service.post("/api/events/identify", event("vehicle_view", {"vehicleId": "v"}))) == [("/event", "const")]


# MARK: null


@pytest.mark.parametrize("body, errors", [
    (event("vehicle_view", {"vehicleId": "v", "source": None, "position": None}, anonymousId=None, sessionId=None, context=None, traits=None, timestamp=None), []),
    ({"event": "vehicle_view", "userId": None, "anonymousId": "a", "properties": {"vehicleId": "v"}}, []),
    (event("vehicle_view", {"vehicleId": "v"}, messageId=None, context={"page": None, "screen": {"width": None}, "device": None}), []),
    ({"event": "logout", "userId": "u", "properties": None}, []),
    (event("vehicle_view", {"vehicleId": None}), [("/properties/vehicleId", "type")]),
    ({"event": "vehicle_view", "userId": "u", "properties": None}, [("/properties", "type")]),
    ({"event": "logout", "userId": None, "anonymousId": None}, [("", "required")]),
    ({"event": None, "userId": "u"}, [("", "required")]),
])
def test_null_counts_as_absent(service, body, errors):
    assert told(service.post("/api/events", body)) == errors


# MARK: Events that are not in the catalogue


def test_unknown_events_are_accepted_or_rejected_as_configured(tmp_path):
    unknown = event("no_such_event")
    with Service(tmp_path / "data") as service:
        assert service.post("/api/events", unknown).status == 202
        assert told(service.post("/api/events", {**unknown, "context": {"locale": 5}})) == [("/context/locale", "type")]
        service.stop()
    with Service(tmp_path / "data", {"EVENT_TRACKING_UNKNOWN_EVENTS": "reject"}) as service:
        answer = service.post("/api/events", [unknown, event("logout"), event("LOGOUT")])
        assert (answer.status, told(answer)) == (202, [("/event", "unknownEvent")] * 2)
        assert answer.json["results"][0]["errors"][0]["message"] == '"no_such_event" is no event of the catalogue'
        assert service.records("okla.events.rejected")[0]["headers"]["event"] == "no_such_event"


def test_what_becomes_of_unknown_events_is_one_of_two_words(tmp_path):
    with pytest.raises(RuntimeError, match='ended with 1:\n.*EventTracking.UnknownEvents is "refuse"; it must be "accept" or "reject"'):
        Service(tmp_path / "data", {"EVENT_TRACKING_UNKNOWN_EVENTS": "refuse"}).start()


# MARK: Hostile events


def test_the_errors_of_an_event_are_bounded(tmp_path, own):
    schema(own, "strict.json", {"properties": {"properties": {"additionalProperties": {"type": "string"}}}})
    with with_catalogue(tmp_path, own, EVENT_TRACKING_MAX_PAYLOAD_SIZE="1000000") as service:
        def wrong(count):
            return event("strict", {f"p{n}": n for n in range(count)})

        answer = service.post("/api/events", wrong(4000))
        assert (answer.status, told(answer)) == (422, [(f"/properties/p{n}", "type") for n in range(16)])
        assert len(answer.body) < 2000
        # Names and values count.
        assert told(service.post("/api/events", wrong(8000))) == [("", "maxProperties")]
        answer = service.post("/api/events", [wrong(100)] * 100)
        assert answer.status == 422 and len(told(answer)) == 1600 and len(answer.body) < 200_000
        kept = service.records("okla.events.rejected")
        assert len(kept) == 102 and max(len(record["headers"]["errors"]) for record in kept) < 2000


def test_long_names_are_not_repeated_in_every_error(tmp_path, own):
    schema(own, "strict.json", {"properties": {"properties": {"additionalProperties": {"additionalProperties": {"type": "string"}}}}})
    with with_catalogue(tmp_path, own) as service:
        wrong = event("strict", {"k" * 30_000: {f"p{n}": n for n in range(20)}})
        answer = service.post("/api/events", [wrong] * 30, compress="gzip")
        assert answer.status == 422 and len(told(answer)) == 480 and len(answer.body) < 200_000
        assert all(len(record["headers"]["errors"]) < 10_000 for record in service.records("okla.events.rejected"))


def test_a_pattern_that_goes_back_and_forth_elsewhere_answers_at_once(tmp_path, own):
    schema(own, "mine.json", {"properties": {"properties": {"properties": {"a": {"pattern": "^(a+)+$"}}}}})
    with with_catalogue(tmp_path, own) as service:
        started = time.monotonic()
        assert told(service.post("/api/events", event("mine", {"a": "a" * 30_000 + "b"}))) == [("/properties/a", "pattern")]
        assert service.post("/api/events", event("mine", {"a": "a" * 30_000})).status == 202
        assert time.monotonic() - started < 5


def test_a_check_that_doubles_with_every_level_ends(tmp_path, own):
    step = {f"d{n}": {"anyOf": [{"properties": {"a": {"$ref": f"#/$defs/d{n + 1}"}}}] * 2} for n in range(30)}
    schema(own, "mine.json", {"$defs": {**step, "d30": {"type": "string"}}, "properties": {"properties": {"$ref": "#/$defs/d0"}}})
    nested = 1
    for _ in range(30):
        nested = {"a": nested}
    with with_catalogue(tmp_path, own) as service:
        started = time.monotonic()
        answer = service.post("/api/events", [event("mine", nested), event("logout")])
        assert (answer.status, answer.json["accepted"], answer.json["rejected"]) == (202, 1, 1)
        assert "takes more than 1000000 steps" in answer.json["results"][0]["errors"][0]["message"]
        assert time.monotonic() - started < 5


def test_names_that_look_alike_are_two_names(tmp_path, own):
    """é as one code point and as two: JSON tells them apart."""
    one, two = "caf\u00e9", "cafe\u0301"
    schema(own, "mine.json", {"properties": {"properties": {"properties": {one: {"type": "string"}, two: {"type": "integer"}}}}})
    schema(own, "both.json", {"properties": {"properties": {"required": [one, two]}}})
    with with_catalogue(tmp_path, own) as service:
        assert told(service.post("/api/events", event("mine", {one: "x", two: 1}))) == []
        assert told(service.post("/api/events", event("mine", {one: 1, two: "x"}))) == [(f"/properties/{one}", "type"), (f"/properties/{two}", "type")]
        assert told(service.post("/api/events", event("both", {one: 1}))) == [(f"/properties/{two}", "required")]


# MARK: Reading it


def test_rejected_list_prints_what_was_rejected_and_why(service):
    assert run("rejected", "list", "--data-dir", service.data_dir).stdout == ""
    bad = event("vehicle_view", {}, messageId="m")
    service.post("/api/events", [bad, {"event": "search", "anonymousId": "a"}, {"no": "name"}], User_Agent="tests")
    result = run("rejected", "list", "--data-dir", service.data_dir)
    assert (result.returncode, result.stderr) == (0, "3 rejected events\n")
    first, *others = [json.loads(line) for line in result.stdout.splitlines()]
    assert first.pop("time").endswith("Z")
    errors = [{"path": "/properties/vehicleId", "keyword": "required", "message": "is required"}]
    assert first == {
        "offset": 0, "event": "vehicle_view", "messageId": "m", "writeKey": "default", "endpoint": "events", "clientAddress": "127.0.0.1",
        "userAgent": "tests", "key": "u", "errors": errors, "value": bad}
    assert [(line["event"], line["key"]) for line in others] == [("search", "a"), (None, None)]
    only = run("rejected", "list", "--data-dir", service.data_dir, "--event", "search").stdout.splitlines()
    assert [json.loads(line)["offset"] for line in only] == [1]
    assert len(run("rejected", "list", "--data-dir", service.data_dir, "--from", "1", "--to", "2").stdout.splitlines()) == 1


def test_rejected_list_tells_names_that_look_alike_apart(service):
    names = "caf\u00e9", "cafe\u0301"
    service.post("/api/events", [event(name, context=5) for name in names])
    for number, name in enumerate(names):
        listed = run("rejected", "list", "--data-dir", service.data_dir, "--event", name).stdout.splitlines()
        assert [json.loads(line)["offset"] for line in listed] == [number]
