"""What administrators ask for: users, consumers, the log, what was rejected; over HTTP and from the command line."""
import json
import urllib.parse

import pytest
from scrape import Scrape
from service import Service, run, wait_until

TOKEN = "admin-token"
ADMIN = {"Authorization": f"Bearer {TOKEN}"}
USER = "user/1 ü"


@pytest.fixture
def service(tmp_path):
    with Service(tmp_path / "data", {"ADMIN_TOKEN": TOKEN}) as service:
        yield service


def ask(service, path, status=200, **parameters):
    query = f"?{urllib.parse.urlencode(parameters)}" if parameters else ""
    answer = service.request("GET", f"/api/admin/{path}{query}", headers=ADMIN)
    assert answer.status == status, answer.body
    return answer.json


def user(id):
    return f"events/user/{urllib.parse.quote(id, safe='')}"


def fill(service):
    events = [{"event": "page_view", "anonymousId": "anon", "properties": {"url": "https://x.y/", "big": 12345678901234567890}},
              {"event": "identify", "userId": USER, "anonymousId": "anon"},
              *({"event": "vehicle_view", "userId": USER, "properties": {"vehicleId": f"v{n}"}} for n in range(20)),
              {"event": "vehicle_view", "userId": USER, "properties": {}}]
    assert service.post("/api/events", events).json["rejected"] == 1


def command(service, *arguments):
    return run(*arguments, "--url", service.ready["http"], "--admin-token", TOKEN)


def test_a_users_story_is_there_as_soon_as_it_is_acknowledged(service):
    fill(service)
    events = ask(service, user(USER))["events"]
    assert len(events) == 22 and {event["event"] for event in events} == {"page_view", "identify", "vehicle_view"}
    stored = {(record["partition"], record["offset"]): record["value"] for record in service.records()}
    for event in events:
        assert stored[event.pop("partition"), event.pop("offset")] == event
    assert len(ask(service, user(USER), event="vehicle_view")["events"]) == 20
    assert ask(service, user("nobody")) == {"events": [], "nextCursor": None}


@pytest.mark.parametrize("wrong", [{"limit": "0"}, {"limit": "1001"}, {"limit": "x"}, {"cursor": "x"}, {"from": "yesterday"}, {"unknown": "1"}])
def test_what_cannot_be_asked_is_refused_by_name(service, wrong):
    answer = ask(service, user(USER), 400, **wrong)
    assert next(iter(wrong)) in answer["message"]


def test_nobody_else_may_ask(service):
    for path in [user(USER), "events/stats", "consumers", "log", "rejected"]:
        answer = service.request("GET", f"/api/admin/{path}")
        assert answer.status == 401 and answer.headers["www-authenticate"].startswith("Bearer")


def test_consumers_tell_how_far_they_are(service):
    fill(service)

    def told():
        return {consumer["group"]: consumer for consumer in ask(service, "consumers")["consumers"]}

    wait_until(lambda: all(consumer["lag"] == 0 for consumer in told().values()))
    consumers = told()
    assert set(consumers) == {"user-index", "aliases", "sessions", "statistics"}
    for consumer in consumers.values():
        assert consumer["lag"] == 0 and consumer["taken"] == 22 and consumer["failures"] == consumer["setAside"] == 0
        assert sum(partition["endOffset"] for partition in consumer["partitions"]) == 22
    # An index comes back from the log, an alias is kept as it comes.
    assert sum(partition["committed"] for partition in consumers["user-index"]["partitions"]) == 0
    assert sum(partition["committed"] for partition in consumers["aliases"]["partitions"]) == 22
    shown = command(service, "consumers")
    assert shown.returncode == 0, shown.stderr
    assert [line.split()[0] for line in shown.stdout.splitlines()] == ["GROUP", "user-index", "aliases", "sessions", "statistics"]
    assert len(command(service, "consumers", "--partitions").stdout.splitlines()) == 49
    scrape = Scrape(service)
    assert len(scrape.all("consumer_lag")) == 48 and scrape.sum("consumer_lag") == 0
    assert scrape.by("consumer_records_total", "group") == {"user-index": 22, "aliases": 22, "sessions": 22, "statistics": 22}


def test_the_log_is_told_by_its_parts(service):
    fill(service)
    topics = {topic["topic"]: topic for topic in ask(service, "log")["topics"]}
    assert topics["okla.events.raw"]["records"] == 22 and len(topics["okla.events.raw"]["partitions"]) == 12
    assert topics["okla.events.rejected"]["records"] == 1
    for partition in topics["okla.events.raw"]["partitions"]:
        assert partition["state"] == "open" and partition["segments"][0]["baseOffset"] == 0


def test_what_was_rejected_is_listed_newest_first_and_by_pages(service):
    for number in range(1300):
        if number % 100 == 0:
            batch = [{"event": "vehicle_view" if n % 13 else "search", "userId": "u", "properties": {"n": n, "query": 1}}
                     for n in range(number, number + 100)]
            assert service.post("/api/events", batch).json["rejected"] == 100
    found, cursor = [], None
    while True:
        page = ask(service, "rejected", limit=333, **({"cursor": cursor} if cursor else {}))
        found += page["events"]
        cursor = page["nextCursor"]
        if cursor is None:
            break
    assert [event["offset"] for event in found] == list(reversed(range(1300)))
    assert [event["value"]["properties"]["n"] for event in found] == list(reversed(range(1300)))
    assert all(event["errors"] for event in found)
    assert [event["offset"] for event in ask(service, "rejected", event="search", limit=1000)["events"]] == list(reversed(range(0, 1300, 13)))


def test_the_command_prints_what_is_stored(service):
    fill(service)
    listed = command(service, "users", USER, "--limit", "0")
    assert listed.returncode == 0 and listed.stderr == "22 events\n", listed.stderr
    lines = [json.loads(line) for line in listed.stdout.splitlines()]
    assert lines == ask(service, user(USER))["events"]
    assert "12345678901234567890" in listed.stdout
    assert command(service, "users", USER, "--limit", "3").stderr == "3 events, and there are more\n"
    wrong = command(service, "users", USER, "--from", "yesterday")
    assert wrong.returncode == 1 and "from is" in wrong.stderr
    assert run("users", USER, "--limit", "-1").returncode == 64
