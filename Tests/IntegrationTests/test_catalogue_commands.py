"""`okla-events catalog`: the catalogue looked into without a service."""
import json
import os
import unicodedata

import pytest

from catalogue import FIXTURES, event, lines, requiring, schema
from service import run


def validate(text, *arguments):
    return run("catalog", "validate", *arguments, "-", input=text if isinstance(text, str) else json.dumps(text))


# MARK: list


def test_list_says_what_each_event_means_and_whose_it_is(own):
    result = run("catalog", "list")
    built_in = result.stdout.splitlines()
    assert (result.returncode, result.stderr, len(built_in)) == (0, "", 60)
    assert built_in == sorted(built_in)
    assert any(line.startswith("vehicle_360_view ") for line in built_in)
    added = schema(own, "mine.json", {"description": "An event of ours."})
    replaced = schema(own, "login.json", {"description": "Our login."})
    listed = run("catalog", "list", "--catalog", own).stdout.splitlines()
    assert len(listed) == 61
    assert [line.split() for line in listed if str(own) in line] == [["login", "Our", "login.", f"({replaced})"], ["mine", "An", "event", "of", "ours.", f"({added})"]]
    environment = {**os.environ, "EVENT_TRACKING_CATALOG": str(own)}
    assert run("catalog", "list", env=environment).stdout.splitlines() == listed
    assert run("catalog", "list", "--catalog", own.parent / "none", env=environment).returncode == 1, "the option counts above it"


@pytest.mark.parametrize("name", ["🚗" * 30, "e\u0301" * 30, "x" * 128, "Vehicle Viewed"], ids=["emoji", "two code points", "long", "space"])
def test_list_shows_the_whole_name(own, name):
    schema(own, name + ".json", {"description": "Ours."})
    [line] = [line for line in run("catalog", "list", "--catalog", own).stdout.splitlines() if str(own) in line]
    assert line.split("  ")[0] == name


def test_list_has_its_columns_below_each_other(own):
    """A wide letter takes two columns, a combining accent none."""
    for name in "🚗" * 3, "見積もり", "cafe\u0301", "caf\u00e9", "plain", "❤\ufe0f":
        schema(own, name + ".json", {"description": "Ours."})
    listed = [line for line in run("catalog", "list", "--catalog", own).stdout.splitlines() if str(own) in line]
    columns = {sum(2 if unicodedata.east_asian_width(letter) == "W" else 0 if unicodedata.combining(letter) else 1
                   for letter in line.split("Ours.")[0]) for line in listed}
    assert len(listed) == 6 and len(columns) == 1


def test_list_has_one_line_for_each_event(own):
    schema(own, "mine.json", {"description": "An event\nof ours.\u001b[31m"})
    listed = run("catalog", "list", "--catalog", own).stdout
    assert len(listed.splitlines()) == 61 and "\x1b" not in listed


def test_list_refuses_a_directory_that_is_broken_or_none(own):
    result = run("catalog", "list", "--catalog", own / "none")
    assert (result.returncode, result.stderr) == (1, f"okla-events: EventTracking.Catalog: {own / 'none'} is no directory that can be read\n")
    bad = schema(own, "bad.json", {"type": 5})
    result = run("catalog", "list", "--catalog", own)
    assert (result.returncode, result.stdout) == (1, "") and f"okla-events: {bad}#/type: must be" in result.stderr


# MARK: check


def test_check_takes_files_as_if_they_were_part_of_the_catalogue(own):
    good, shared = schema(own, "good.json", requiring("a")), schema(own, "shared/extra.json", {"$defs": {"a": {"type": "string"}}})
    uses = schema(own, "uses.json", {"$ref": "shared/extra.json#/$defs/a"})
    result = run("catalog", "check", good, shared, uses)
    assert (result.returncode, result.stdout, result.stderr) == (0, f"ok: {good}, {shared}, {uses}\n", "")
    alone = run("catalog", "check", uses)
    assert (alone.returncode, alone.stderr) == (1, f"okla-events: {uses}#/$ref: leads to shared/extra.json#/$defs/a, where no schema is\n")
    assert run("catalog", "check", "--catalog", own, uses).returncode == 0
    assert run("catalog", "check", "extra.json", cwd=shared.parent).stdout == "ok: extra.json\n"


@pytest.mark.parametrize("name, text, place", [
    ("bad.json", {"properties": {"x": {"minimum": "1"}}}, "#/properties/x/minimum: must be a number"),
    ("shared/event.json", {"properties": {"context": {"type": "objct"}}}, "#/properties/context/type: must be null, boolean"),
    ("bad.json", '{"type":}', "#: expected a value at byte 8"),
    ("bad.json", {"$defs": {"a b/ñ": {"pattern": "(?<=x)"}}, "$ref": "#/$defs/a%20b~1%C3%B1"}, "#/$defs/a b~1ñ/pattern: is no regular expression"),
    ("bad.txt", {}, ": a schema's file is called EVENT.json"), ("none.json", None, ": cannot be read"),
], ids=["event", "shared", "no JSON", "pointer", "name", "missing"])
def test_check_names_file_and_place(own, name, text, place):
    good, bad = schema(own, "good.json", requiring("a")), own / name
    if text is not None:
        schema(own, name, text)
    result = run("catalog", "check", good, bad)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith(f"okla-events: {bad}{place}")


def test_check_checks_each_file_also_of_the_same_name(own):
    good, bad = schema(own, "new/mine.json", requiring("a")), schema(own, "old/mine.json", {"type": 5})
    for files in (good, bad), (bad, good):
        result = run("catalog", "check", *files)
        assert result.returncode == 1 and f"{bad}#/type" in result.stderr


def test_the_built_in_files_and_the_examples_of_the_readme_pass():
    folder = FIXTURES.parent / "Sources/EventCatalogue/schemas"
    assert run("catalog", "check", *sorted(folder.glob("**/*.json"))).returncode == 0
    result = run("catalog", "list", "--catalog", folder)
    assert result.returncode == 0 and result.stdout.count(str(folder)) == 60


# MARK: validate


def test_validate_checks_as_the_service_would(tmp_path):
    path = tmp_path / "events.ndjson"
    bad = {"event": "page_view", "anonymousId": "a", "properties": {}}
    path.write_text(f"{json.dumps(event('logout'))}\n\n{json.dumps(bad)}\r\n{{\"event\":\"x\"}}\n")
    result = run("catalog", "validate", path)
    assert (result.returncode, result.stderr) == (1, "")
    assert result.stdout.splitlines() == [
        f"{path}, line 3: /properties/url is required (required)", f"{path}, line 4: userId or anonymousId is required (required)",
        "1 of 3 events fit the catalogue"]
    path.write_text(json.dumps([event("logout"), 3, bad], indent=1))
    assert run("catalog", "validate", path).stdout.splitlines() == [
        f"{path}, event 2: an event must be an object (type)", f"{path}, event 3: /properties/url is required (required)",
        "1 of 3 events fit the catalogue"]
    assert validate([event("logout"), event("login")]).stdout == "2 of 2 events fit the catalogue\n"


def test_validate_agrees_with_the_fixtures():
    valid, invalid = lines("valid.ndjson"), lines("invalid.ndjson")
    result = validate("\n".join(json.dumps(line["event"]) for line in valid))
    assert (result.returncode, result.stdout) == (0, f"{len(valid)} of {len(valid)} events fit the catalogue\n")
    result = validate("\n".join(json.dumps(line["event"]) for line in invalid))
    assert result.returncode == 1
    assert [line.split(":")[0] for line in result.stdout.splitlines()] == [
        *(f"-, line {number + 1}" for number in range(len(invalid))), f"0 of {len(invalid)} events fit the catalogue"]


def test_validate_knows_the_deployments_events_and_may_refuse_unknown_ones(own):
    assert validate(event("mine")).returncode == 0
    result = validate(event("mine"), "--reject-unknown")
    assert (result.returncode, result.stdout.splitlines()[0]) == (1, '-, line 1: /event "mine" is no event of the catalogue (unknownEvent)')
    schema(own, "mine.json", requiring("a"))
    assert "-, line 1: /properties is required (required)" in validate(event("mine"), "--catalog", own).stdout
    assert validate(event("mine", {"a": 1}), "--catalog", own, "--reject-unknown").returncode == 0


@pytest.mark.parametrize("text, words", [
    ("", "-: holds no event"), (" \n\n", "-: holds no event"), ("[]", "-: holds no event"), (" [\n] ", "-: holds no event"), ("{}\n{", "-, line 2: expected a member name"), ("[1,", "-: unexpected end"),
    ("[] x", "-: unexpected text behind the value at byte 3"), ("nonsense", "-, line 1: "),
])
def test_validate_ends_at_what_is_no_json(text, words):
    result = validate(text)
    assert result.returncode == 1 and result.stderr.startswith(f"okla-events: {words}")


def test_validate_tells_of_an_event_whose_number_is_out_of_range_and_goes_on():
    """As the service, which rejects that event alone."""
    good, bad = json.dumps(event("logout")), '{"event":"logout","userId":"u","n":1e400}'
    for text, place in (f"{good}\n{bad}\n{good}", "-, line 2: "), (f"[{good},{bad},{good}]", "-, event 2: "):
        result = validate(text)
        assert result.returncode == 1
        told, summary = result.stdout.splitlines()
        assert told.startswith(place) and told.endswith("(range)") and summary == "2 of 3 events fit the catalogue"


def test_validate_knows_how_long_an_event_may_be():
    def long(count):
        text = json.dumps(event("logout", {"a": ""}))
        return text.replace('""', '"' + "x" * (count - len(text)) + '"')

    result = validate(f"{long(32768)}  \n {long(32769)}\n")
    assert (result.returncode, result.stdout.splitlines()) == (1, [
        "-, line 2: has 32769 bytes, the most is 32768 (maxBytes)", "1 of 2 events fit the catalogue"])
    assert validate(f"[{long(32768)}, {long(32769)}]").stdout.splitlines() == [
        "-, event 2: has 32769 bytes, the most is 32768 (maxBytes)", "1 of 2 events fit the catalogue"]
    assert run("catalog", "validate", "-", input=long(32769), env={**os.environ, "EVENT_TRACKING_MAX_PAYLOAD_SIZE": "40000"}).returncode == 0


@pytest.mark.parametrize("text, keyword", [("[" * 70 + "]" * 70, "maxDepth"), ("18446744073709551616", "range"), ('"\\ud83d"', None)])
def test_validate_reads_an_event_as_the_service_does(service, text, keyword):
    bad = '{"event":"logout","userId":"u","n":%s}' % text
    kept = [error["keyword"] for result in service.post("/api/events", bad).json["results"] for error in result.get("errors", [])]
    assert kept == ([keyword] if keyword else [])
    told = validate(bad).stdout.splitlines()
    assert told[-1] == f"{0 if keyword else 1} of 1 events fit the catalogue"
    assert [line.split("(")[-1] for line in told[:-1]] == [name + ")" for name in kept]


def test_validate_shows_what_a_client_sent_in_one_line_and_without_control_characters():
    for text, arguments in ('{"event":"a\\u001b[31m\\nb","userId":"u"}', ["--reject-unknown"]), ('{"event":"a","userId":"u","\\u001b[2J\\n":1,"\\u001b[2J\\n":2}', []):
        result = validate(text, *arguments)
        assert result.returncode == 1 and len(result.stdout.splitlines()) == 2 and "\x1b" not in result.stdout


def test_validate_says_which_file_it_cannot_read(tmp_path, own):
    result = run("catalog", "validate", tmp_path / "none.ndjson")
    assert result.returncode == 1 and f"okla-events: {tmp_path / 'none.ndjson'}: " in result.stderr
    bad = schema(own, "bad.json", "{")
    result = validate(event("logout"), "--catalog", own)
    assert (result.returncode, result.stdout) == (1, "") and f"okla-events: {bad}#: " in result.stderr


@pytest.mark.parametrize("arguments", [["check"], ["validate"], ["validate", "a", "b"], ["list", "a"], ["nonsense"], ["list", "--catalogue", "a"]])
def test_wrong_usage_is_64(arguments):
    assert run("catalog", *arguments).returncode == 64


# MARK: What others wrote, on a terminal


def test_check_shows_a_name_in_one_line(own):
    bad = schema(own, "a\n\x1b[31m.json", {"properties": {"\u009b2J\n": {"type": 5}}})
    result = run("catalog", "check", bad)
    shown = str(bad).replace("\n", "\\n").replace("\x1b", "\\u001b")
    assert (result.returncode, result.stderr.splitlines()) == (1, [
        f"okla-events: {shown}#/properties/\\u009b2J\\n/type: must be null, boolean, integer, number, string, array or object, or a list of these"])
    schema(own, bad.name, {})
    assert run("catalog", "check", bad).stdout == f"ok: {shown}\n"


def test_rejected_list_shows_what_a_client_sent_without_control_characters(service):
    hostile = "\u009b2J\u007f\u2028\u202e\n\x1b[31m"
    bad = {"event": "a" + hostile, "userId": hostile, "messageId": hostile, "timestamp": 5, hostile: hostile}
    texts = json.dumps(bad, ensure_ascii=False), json.dumps(bad, ensure_ascii=False, indent="\t"), '{"n":1e400,"x":"\u009b"}'
    for text in texts:
        assert service.post("/api/events", text.encode(), User_Agent="x\t\x9b").status == 422
    result = run("rejected", "list", "--data-dir", service.data_dir)
    assert len(result.stdout.splitlines()) == len(texts)
    assert not [letter for letter in result.stdout if letter != "\n" and (unicodedata.category(letter) in ("Cc", "Zl", "Zp") or letter == "\u202e")]
    listed = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["value"] for line in listed] == [bad, bad, json.loads(texts[2])] and listed[0]["key"] == hostile
    dump = run("log", "dump", "--data-dir", service.data_dir, "--topic", "okla.events.rejected").stdout
    assert [json.loads(line)["value"] for line in dump.splitlines()] == [line["value"] for line in listed] and "\u009b" not in dump
