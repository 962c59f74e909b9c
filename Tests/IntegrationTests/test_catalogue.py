"""Events against the catalogue: what is rejected and why, a deployment's own schemas, and the commands that look into it."""
import json
import signal
import threading

import pytest
from service import ROOT, Service, run, wait_until

FIXTURES = ROOT / "Fixtures"


def lines(name):
    return [json.loads(line) for line in (FIXTURES / "catalogue" / name).read_text().splitlines()]


def schema(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text if isinstance(text, str) else json.dumps(text))
    return path


def requiring(name):
    """A schema that asks for one property."""
    properties = {"type": "object", "required": [name]}
    return {"$ref": "shared/event.json", "properties": {"properties": properties}, "required": ["properties"]}


@pytest.fixture
def own(tmp_path):
    """A deployment's own directory."""
    folder = tmp_path / "schemas"
    folder.mkdir()
    return folder


def with_catalogue(tmp_path, folder, **environment):
    return Service(tmp_path / "data", {"EVENT_TRACKING_CATALOG": str(folder), **environment})


def told(answer):
    return [(error["path"], error["keyword"]) for result in answer.json["results"] for error in result.get("errors", [])]


# MARK: What is rejected


def test_an_event_that_breaks_its_schema_is_rejected_alone_and_kept(service):
    bad = '{"event":"vehicle_view",  "userId":"u","messageId":"m2","properties":{"vehicleId":null}}'
    good = [{"event": "vehicle_view", "userId": "u", "properties": {"vehicleId": f"v{n}", "source": None}} for n in range(2)]
    answer = service.post("/api/events", f"[{json.dumps(good[0])},{bad},{json.dumps(good[1])}]")
    assert (answer.status, answer.json["accepted"], answer.json["rejected"]) == (202, 2, 1)
    errors = [{"path": "/properties/vehicleId", "keyword": "type", "message": "must be a string, not null"}]
    assert answer.json["results"] == [{"index": 1, "messageId": "m2", "status": "rejected", "errors": errors}]
    [kept] = service.records("okla.events.rejected")
    assert kept["key"] == "u" and kept["value"] == json.loads(bad) and json.loads(kept["headers"]["errors"]) == errors
    assert {name: kept["headers"][name] for name in ("event", "messageId", "writeKey", "endpoint", "clientAddress")} == {
        "event": "vehicle_view", "messageId": "m2", "writeKey": "default", "endpoint": "events", "clientAddress": "127.0.0.1"}
    dump = run("log", "dump", "--data-dir", service.data_dir, "--topic", "okla.events.rejected", "--format", "hex").stdout
    assert bad.encode().hex() in dump, "its bytes as they were sent"
    assert service.post("/api/events", bad).status == 422


def test_every_event_that_fits_is_stored_and_no_other(service):
    valid = [line["event"] for line in lines("valid.ndjson")]
    examples = sorted((FIXTURES / "source-examples").glob("*.json"))
    valid += [json.loads(path.read_text()) for path in examples if path.name != "configuration.json"]
    for start in range(0, len(valid), 50):
        batch = [{**event, "messageId": f"valid-{start + n}"} for n, event in enumerate(valid[start:start + 50])]
        answer = service.post("/api/events", batch, compress="gzip")
        assert (answer.status, answer.json["accepted"]) == (202, len(batch)), answer.body
    for line in lines("invalid.ndjson")[::5]:
        answer = service.post("/api/events", line["event"])
        # Times are among what every event is asked for before its schema is.
        keyword = "format" if line["path"] in ("/timestamp", "/sentAt") and line["keyword"] == "anyOf" else line["keyword"]
        assert answer.status == 422 and told(answer) == [(line["path"], keyword)], (line, answer.body)


@pytest.mark.parametrize("body, errors", [
    ({"context": {"page": {"url": "/a"}}}, []), ({"properties": {"url": "/a"}}, []), ({"context": {"page": {"url": "/a"}}, "properties": {"title": "t"}}, []),
    ({}, [("/properties", "required")]), ({"context": {"page": {"title": "t"}}}, [("/properties/url", "required")]),
    ({"context": {"page": {"url": "/a"}}, "properties": {"title": 5}}, [("/properties/title", "type")]),
])
def test_a_page_is_checked_as_it_is_stored(service, body, errors):
    answer = service.post("/api/events/page", {"userId": "u", **body})
    assert told(answer) == errors and answer.status == (422 if errors else 202)


def test_identify_is_checked_by_its_own_schema(service):
    assert service.post("/api/events/identify", {"userId": "u", "traits": {"createdAt": "2025-03-15"}}).status == 202
    assert told(service.post("/api/events/identify", {"userId": "u", "traits": {"createdAt": "March"}})) == [("/traits/createdAt", "anyOf")]


def test_the_errors_of_an_event_are_bounded(tmp_path, own):
    schema(own, "strict.json", {"properties": {"properties": {"additionalProperties": {"type": "string"}}}})
    with with_catalogue(tmp_path, own) as service:
        event = {"event": "strict", "userId": "u", "properties": {f"p{n}": n for n in range(1500)}}
        answer = service.post("/api/events", event)
        assert answer.status == 422 and len(told(answer)) == 16 and len(answer.body) < 2000


def test_unknown_events_are_accepted_or_rejected_as_configured(tmp_path):
    event = {"event": "no_such_event", "userId": "u"}
    with Service(tmp_path / "data") as service:
        assert service.post("/api/events", event).status == 202
        assert told(service.post("/api/events", {**event, "context": {"locale": 5}})) == [("/context/locale", "type")]
        service.stop()
    with Service(tmp_path / "data", {"EVENT_TRACKING_UNKNOWN_EVENTS": "reject"}) as service:
        assert told(service.post("/api/events", event)) == [("/event", "unknownEvent")]
        assert service.post("/api/events", {"event": "logout", "userId": "u"}).status == 202


def test_rejected_list_prints_what_was_rejected_and_why(service):
    assert run("rejected", "list", "--data-dir", service.data_dir).stdout == ""
    bad = {"event": "vehicle_view", "userId": "u", "messageId": "m", "properties": {}}
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


# MARK: A deployment's own schemas


def test_a_directory_adds_and_replaces_schemas(tmp_path, own):
    schema(own, "Reserva de prueba, año 1.json", requiring("when"))
    schema(own, "vehicle_view.json", requiring("price"))
    schema(own, "notes.txt", "no schema")
    with with_catalogue(tmp_path, own) as service:
        assert told(service.post("/api/events", {"event": "Reserva de prueba, año 1", "userId": "u"})) == [("/properties", "required")]
        assert service.post("/api/events", {"event": "vehicle_view", "userId": "u", "properties": {"price": 1}}).status == 202
        assert told(service.post("/api/events", {"event": "search", "userId": "u", "properties": {}})) == [("/properties/query", "required")]


@pytest.mark.parametrize("text, words", [
    ('{"type":', "broken.json#: unexpected end at byte 8"), ({"properties": {"a/b": {"type": "text"}}}, "broken.json#/properties/a~1b/type: must be"),
    ({"properties": {"a": {"pattern": "(?=x)"}}}, "broken.json#/properties/a/pattern: is no regular expression that can be used: look-around"),
    ({"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}, "refers to itself"), ({"$ref": "shared/none.json"}, "broken.json#/$ref: leads to"),
    ({"pattern": "x" * 100_000}, "longer than 4096 bytes"), ('"' + "x" * (1 << 20) + '"', "more than 1048576 bytes"),
], ids=["no JSON", "type", "look-ahead", "circle", "no target", "long pattern", "large"])
def test_a_broken_schema_refuses_the_start(tmp_path, own, text, words):
    schema(own, "broken.json", text)
    with pytest.raises(RuntimeError) as refused, with_catalogue(tmp_path, own):
        pass
    assert "ended with 1:" in str(refused.value) and words in str(refused.value)


def test_a_directory_that_is_none_refuses_the_start(tmp_path):
    with pytest.raises(RuntimeError, match="none is no directory that can be read"), with_catalogue(tmp_path, tmp_path / "none"):
        pass


def test_sighup_reads_the_directory_again_and_a_broken_schema_changes_nothing(tmp_path, own):
    event = {"event": "mine", "userId": "u", "properties": {"a": 1}}
    with with_catalogue(tmp_path, own) as service:
        def hang_up(words):
            seen = service.log_path.read_text().count(words)
            service.process.send_signal(signal.SIGHUP)
            wait_until(lambda: service.log_path.read_text().count(words) > seen)

        assert service.post("/api/events", event).status == 202
        schema(own, "mine.json", requiring("b"))
        assert service.post("/api/events", event).status == 202, "not before it is told to"
        hang_up("the catalogue was read again")
        assert told(service.post("/api/events", event)) == [("/properties/b", "required")]
        schema(own, "mine.json", {"required": "b"})
        hang_up("mine.json#/required: must be a list of names")
        assert told(service.post("/api/events", event)) == [("/properties/b", "required")]
        schema(own, "mine.json", requiring("a"))
        hang_up("the catalogue was read again")
        assert service.post("/api/events", event).status == 202


def test_sighup_costs_no_request_and_without_a_directory_it_changes_nothing(tmp_path, own):
    schema(own, "mine.json", requiring("a"))
    for folder in (own, None):
        with Service(tmp_path / f"data-{folder is None}", {"EVENT_TRACKING_CATALOG": str(folder)} if folder else {}) as service:
            statuses, ended = [], threading.Event()

            def post():
                while not ended.is_set():
                    statuses.append(service.post("/api/events", {"event": "mine", "userId": "u", "properties": {"a": 1}}).status)

            sender = threading.Thread(target=post)
            sender.start()
            for _ in range(20):
                seen = len(statuses)
                service.process.send_signal(signal.SIGHUP)
                wait_until(lambda: len(statuses) > seen + 2)
            ended.set()
            sender.join()
            assert set(statuses) == {202} and len(statuses) > 40
            assert service.stop() == 0


def test_a_pattern_that_goes_back_and_forth_elsewhere_answers_at_once(tmp_path, own):
    schema(own, "mine.json", {"properties": {"properties": {"properties": {"a": {"pattern": "^(a+)+$"}}}}})
    with with_catalogue(tmp_path, own) as service:
        event = {"event": "mine", "userId": "u", "properties": {"a": "a" * 30_000 + "b"}}
        assert told(service.post("/api/events", event)) == [("/properties/a", "pattern")]


# MARK: Commands


def test_catalog_list_says_what_each_event_means_and_whose_it_is(own):
    built_in = run("catalog", "list").stdout.splitlines()
    assert len(built_in) == 59 and any(line.startswith("vehicle_360_view ") for line in built_in)
    path = schema(own, "mine.json", {"description": "An event of ours."})
    assert f"An event of ours.  ({path})" in run("catalog", "list", "--catalog", own).stdout
    assert "An event of ours." in run("catalog", "list", env={"EVENT_TRACKING_CATALOG": str(own)}).stdout


def test_catalog_check_names_file_and_place(own):
    good, shared = schema(own, "good.json", requiring("a")), schema(own, "shared/extra.json", {"$defs": {"a": {"type": "string"}}})
    schema(own, "uses.json", {"$ref": "shared/extra.json#/$defs/a"})
    assert run("catalog", "check", good, shared, own / "uses.json").returncode == 0
    bad = schema(own, "bad.json", {"properties": {"x": {"minimum": "1"}}})
    result = run("catalog", "check", good, bad)
    assert (result.returncode, result.stderr) == (1, f"okla-events: {bad}#/properties/x/minimum: must be a number\n")
    for arguments, words in [([own / "none.json"], "none.json"), ([own], "cannot be read"), ([schema(own, "a.txt", "{}")], "is called EVENT.json")]:
        result = run("catalog", "check", *arguments)
        assert result.returncode == 1 and words in result.stderr
    assert run("catalog", "check").returncode == 64


def test_catalog_validate_checks_as_the_service_would(tmp_path, own):
    good, bad = {"event": "logout", "userId": "u"}, {"event": "page_view", "anonymousId": "a", "properties": {}}
    path = tmp_path / "events.ndjson"
    path.write_text(f"{json.dumps(good)}\n\n{json.dumps(bad)}\n{{\"event\":\"x\"}}\n")
    result = run("catalog", "validate", path)
    assert result.returncode == 1
    assert result.stdout.splitlines() == [
        f"{path}, line 3: /properties/url is required (required)", f"{path}, line 4: userId or anonymousId is required (required)",
        "1 of 3 events fit the catalogue"]
    assert run("catalog", "validate", "-", input=json.dumps([good, good])).stdout == "2 of 2 events fit the catalogue\n"
    unknown = json.dumps({"event": "mine", "userId": "u"})
    assert run("catalog", "validate", "-", input=unknown).returncode == 0
    assert run("catalog", "validate", "--reject-unknown", "-", input=unknown).returncode == 1
    schema(own, "mine.json", requiring("a"))
    assert "/properties is required" in run("catalog", "validate", "--catalog", own, "-", input=unknown).stdout
    for text, words in [("", "holds no event"), ("{}\n{", "-, line 2: expected a member name"), ("[1,", "unexpected end")]:
        result = run("catalog", "validate", "-", input=text)
        assert result.returncode == 1 and words in result.stderr, result.stderr
    assert run("catalog", "validate", tmp_path / "none").returncode == 1
