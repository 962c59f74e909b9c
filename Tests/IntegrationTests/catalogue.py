"""The fixtures of the catalogue, and a deployment's own schemas."""
import contextlib
import json
import os
import signal

from service import ROOT, Service, wait_until

FIXTURES = ROOT / "Fixtures"
READ_AGAIN = "the catalogue was read again"


def lines(name):
    return [json.loads(line) for line in (FIXTURES / "catalogue" / name).read_text().splitlines()]


def schema(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text if isinstance(text, str) else json.dumps(text))
    return path


def replace(folder, name, text):
    """As `schema`; whoever reads the file meanwhile finds all of the old text or all of the new."""
    os.replace(schema(folder, name + ".new", text), folder / name)


def requiring(name):
    """A schema that asks for one property."""
    properties = {"type": "object", "required": [name]}
    return {"$ref": "shared/event.json", "properties": {"properties": properties}, "required": ["properties"]}


def base(**members):
    """The built-in shared/event.json with other rules for some of its members."""
    text = json.loads((ROOT / "Sources/EventCatalogue/schemas/shared/event.json").read_text())
    return {**text, "properties": {**text["properties"], **members}}


def event(name, properties=None, **members):
    return {"event": name, "userId": "u", **({} if properties is None else {"properties": properties}), **members}


def with_catalogue(tmp_path, folder, **environment):
    return Service(tmp_path / "data", {"EVENT_TRACKING_CATALOG": str(folder), **environment})


def refused_start(tmp_path, folder, **environment):
    """Starts a service that does not come up; returns the last thing it said."""
    refused = with_catalogue(tmp_path, folder, **environment).start(wait=False)
    with contextlib.suppress(TimeoutError):
        wait_until(lambda: refused.process.poll() is not None, 10)
    assert refused.process.poll() is not None, "it did not end by itself"
    assert refused.process.stdout.read() == b"" and refused.ended() == 1
    return refused.log_path.read_text().splitlines()[-1]


def told(answer):
    return [(error["path"], error["keyword"]) for result in answer.json["results"] for error in result.get("errors", [])]


def hang_up(service, words=READ_AGAIN):
    """Sends SIGHUP and waits until the service says what came of it."""
    seen = service.log_path.read_text().count(words)
    service.process.send_signal(signal.SIGHUP)
    wait_until(lambda: service.log_path.read_text().count(words) > seen, 20)
