"""A deployment's own schemas: what its directory may hold, what refuses the start, and what a name can be."""
import os

import pytest

from catalogue import base, event, refused_start, requiring, schema, told, with_catalogue
from service import Service


def test_a_directory_adds_and_replaces_schemas(tmp_path, own):
    schema(own, "mine.json", requiring("when"))
    schema(own, "vehicle_view.json", requiring("price"))
    schema(own, "notes.txt", "no schema")
    schema(own, "vehicle_click.json.bak", "no schema")
    with with_catalogue(tmp_path, own) as service:
        assert told(service.post("/api/events", event("mine"))) == [("/properties", "required")]
        assert service.post("/api/events", event("mine", {"when": 1})).status == 202
        assert service.post("/api/events", event("vehicle_view", {"price": 1})).status == 202
        assert told(service.post("/api/events", event("vehicle_view", {"vehicleId": "v"}))) == [("/properties/price", "required")]
        assert told(service.post("/api/events", event("search", {}))) == [("/properties/query", "required")]
        assert told(service.post("/api/events", event("vehicle_click", {}))) == [("/properties/vehicleId", "required")]


def test_the_configuration_file_names_the_directory_and_what_becomes_of_unknown_events(tmp_path, own):
    schema(own, "mine.json", requiring("a"))
    config = schema(tmp_path, "config.json", {"EventTracking": {"Catalog": str(own), "UnknownEvents": "reject"}})
    with Service(tmp_path / "data", arguments=["--config", str(config)]) as service:
        assert told(service.post("/api/events", [event("mine", {}), event("other")])) == [
            ("/properties/a", "required"), ("/event", "unknownEvent")]


def test_a_shared_schema_is_replaced_for_all_events(tmp_path, own):
    schema(own, "shared/event.json", base(sessionId={"type": "string", "pattern": "^s-"}))
    schema(own, "mine.json", {"$ref": "shared/event.json"})
    with with_catalogue(tmp_path, own) as service:
        for name, properties in ("vehicle_view", {"vehicleId": "v"}), ("mine", {}), ("no_such_event", {}):
            assert service.post("/api/events", event(name, properties, sessionId="s-1")).status == 202
            assert told(service.post("/api/events", event(name, properties, sessionId="1"))) == [("/sessionId", "pattern")]


@pytest.mark.parametrize("name", [
    "Vehicle Viewed", "Reserva de prueba, año 1", "見積もり 🚗", "a#1", "50% off? yes", "C:\\cars \"new\"", "x" * 128, "..",
])
def test_an_event_may_have_any_name_that_a_file_can_have(tmp_path, own, name):
    schema(own, name + ".json", requiring("a"))
    with with_catalogue(tmp_path, own, EVENT_TRACKING_UNKNOWN_EVENTS="reject") as service:
        assert told(service.post("/api/events", event(name, {}))) == [("/properties/a", "required")]
        assert told(service.post("/api/events", event(name, {"a": 1}))) == []


@pytest.mark.parametrize("first, second", [("a#1", "a#2"), ("a?1", "a?2"), ("a%20b", "a b"), ("caf\u00e9", "cafe\u0301"), ("A", "a")])
def test_names_that_differ_have_schemas_of_their_own(tmp_path, own, first, second):
    schema(own, first + ".json", requiring("a"))
    schema(own, second + ".json", requiring("b"))
    with with_catalogue(tmp_path, own) as service:
        assert told(service.post("/api/events", event(first, {}))) == [("/properties/a", "required")]
        assert told(service.post("/api/events", event(second, {}))) == [("/properties/b", "required")]


# MARK: How directories come to be where they are


def test_the_directory_may_be_a_link(tmp_path, own):
    schema(own, "mine.json", requiring("a"))
    (tmp_path / "current").symlink_to(own)
    with with_catalogue(tmp_path, tmp_path / "current") as service:
        assert told(service.post("/api/events", event("mine", {}))) == [("/properties/a", "required")]


def test_files_and_shared_may_be_links(tmp_path, own):
    elsewhere = schema(tmp_path / "elsewhere", "place.json", {"required": ["sessionId"]})
    (own / "mine.json").symlink_to(schema(tmp_path, "one.json", {"$ref": "shared/place.json"}))
    (own / "shared").symlink_to(elsewhere.parent)
    with with_catalogue(tmp_path, own) as service:
        assert told(service.post("/api/events", event("mine"))) == [("/sessionId", "required")]


def test_the_directory_may_be_a_volume_of_kubernetes(tmp_path, own):
    """A ConfigMap's files are links through `..data` into a folder of the version."""
    schema(own, "..2026_01_21/mine.json", requiring("a"))
    (own / "..data").symlink_to("..2026_01_21")
    (own / "mine.json").symlink_to("..data/mine.json")
    with with_catalogue(tmp_path, own) as service:
        assert told(service.post("/api/events", event("mine", {}))) == [("/properties/a", "required")]


def test_what_is_hidden_is_no_schema(tmp_path, own):
    schema(own, ".git/modules/package.json", "{")
    schema(own, "._mine.json", "\0\5\26\7")
    schema(own, "mine.json", requiring("a"))
    with with_catalogue(tmp_path, own) as service:
        assert told(service.post("/api/events", event("mine", {}))) == [("/properties/a", "required")]


# MARK: What refuses the start


@pytest.mark.parametrize("text, words", [
    ('{"type":', "#: unexpected end at byte 8"), ("", "#: unexpected end at byte 0"), ("[]", "#: a schema must be an object, true or false"),
    ({"properties": {"a/b": {"type": "text"}}}, "#/properties/a~1b/type: must be null, boolean, integer, number, string, array or object"),
    ({"properties": {"a": {"pattern": "(?=x)"}}}, "#/properties/a/pattern: is no regular expression that can be used: look-around ((?=...)"),
    ({"properties": {"a": {"pattern": "^(?!test)"}}}, "#/properties/a/pattern: is no regular expression that can be used: look-around ((?!...)"),
    ({"properties": {"a": {"pattern": r"(a)\1"}}}, r"#/properties/a/pattern: is no regular expression that can be used: a reference back to a group (\1)"),
    ({"properties": {"a": {"pattern": "x" * 100_000}}}, "#/properties/a/pattern: is no regular expression that can be used: longer than 4096 bytes"),
    ({"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}, "#/$defs/a: refers to itself for the same value, without an end"),
    ({"anyOf": [{"$ref": "#"}]}, "#/anyOf/0: refers to itself for the same value, without an end"),
    ({"$ref": "shared/none.json"}, "#/$ref: leads to shared/none.json, where no schema is"),
    ({"$ref": "https://example.com/a.json"}, "#/$ref: leads to https://example.com/a.json, where no schema is"),
    ({"$ref": "../../../etc/passwd"}, "#/$ref: leads to ../../../etc/passwd, where no schema is"),
    ({"$schema": "http://json-schema.org/draft-07/schema#"}, "#/$schema: http://json-schema.org/draft-07/schema is not known here; schemas are of draft 2020-12"),
    ("[" * 100_000, "#: nesting deeper than 128 at byte 128"), ('"' + "x" * (1 << 20) + '"', ": has more than 1048576 bytes"),
], ids=["no JSON", "empty", "a list", "type", "look-ahead", "negative look-ahead", "back reference", "long pattern", "circle", "circle by anyOf",
        "no target", "address", "outside", "older draft", "deep", "large"])
def test_a_broken_schema_refuses_the_start(tmp_path, own, text, words):
    path = schema(own, "broken.json", text)
    schema(own, "mine.json", requiring("a"))
    assert f"okla-events: {path}{words}" in refused_start(tmp_path, own)


def test_a_circle_of_two_files_refuses_the_start(tmp_path, own):
    schema(own, "a.json", {"$ref": "b.json"})
    schema(own, "b.json", {"$ref": "a.json"})
    assert "refers to itself for the same value, without an end" in refused_start(tmp_path, own)


def test_a_schema_may_go_round_where_the_value_goes_deeper(tmp_path, own):
    schema(own, "tree.json", {"properties": {"properties": {"$ref": "#/$defs/node"}}, "$defs": {"node": {
        "required": ["id"], "properties": {"children": {"items": {"$ref": "#/$defs/node"}}}}}})
    with with_catalogue(tmp_path, own) as service:
        assert told(service.post("/api/events", event("tree", {"id": 1, "children": [{"id": 2}, {"children": []}]}))) == [
            ("/properties/children/1/id", "required")]


@pytest.mark.parametrize("text, pointer", [({"minimum": "1"}, ""), ({"$defs": {"a": {"minimum": "1"}}}, "/$defs/a")], ids=["the file", "a definition"])
def test_a_broken_shared_schema_refuses_the_start_also_where_nobody_refers_to_it(tmp_path, own, text, pointer):
    path = schema(own, "shared/extra.json", text)
    assert f"okla-events: {path}#{pointer}/minimum: must be a number" in refused_start(tmp_path, own)


def test_a_name_that_no_event_can_have_refuses_the_start(tmp_path, own):
    path = schema(own, "x" * 129 + ".json", {})
    assert f"{path}#: is named for an event, whose name has 1 to 128 characters" in refused_start(tmp_path, own)


@pytest.mark.parametrize("what", ["missing", "a file"])
def test_a_directory_that_is_none_refuses_the_start(tmp_path, own, what):
    path = own / "none" if what == "missing" else schema(own, "mine.json", {})
    assert f"EventTracking.Catalog: {path} is no directory that can be read" in refused_start(tmp_path, path)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "folder"])
def test_a_name_of_a_schema_that_is_no_file_refuses_the_start(tmp_path, own, make):
    make(own / "mine.json")
    assert str(own / "mine.json") in refused_start(tmp_path, own)
