"""The log read again into a topic: over HTTP and from the command line, across kills and restarts."""
import collections
import datetime
import threading
import time

import pytest
from load import seeded
from service import Service, run, wait_until
from test_admin import ADMIN, TOKEN, ask
from test_commands import on_a_terminal

SETTINGS = {"ADMIN_TOKEN": TOKEN, "KAFKA_PARTITIONS": "4"}
REPLAY = "events/replay"
KILLS = 10


@pytest.fixture
def service(tmp_path):
    with Service(tmp_path / "data", SETTINGS) as service:
        yield service


def submit(service, status=202, **body):
    answer = service.post(f"/api/admin/{REPLAY}", {"from": "earliest", "target": "topic:copy", **body}, key=None, **ADMIN)
    assert answer.status == status, answer.body
    return answer.json


def replay(service, id):
    return ask(service, f"{REPLAY}/{id}")


def done(service, id, seconds=60):
    wait_until(lambda: replay(service, id)["state"] not in ("queued", "running"), seconds)
    return replay(service, id)


def fill(service, count, first=0):
    """Events of twenty users and three names."""
    for start in range(first, first + count, 100):
        batch = [{"event": ["page_view", "a", "b"][n % 3], "userId": f"u{n % 20}", "anonymousId": f"anon{n % 7}", "messageId": f"m{n}",
                  "properties": {"url": f"https://x.y/{n}", "big": 12345678901234567890}} for n in range(start, min(start + 100, first + count))]
        assert service.post("/api/events", batch).json["accepted"] == len(batch)


def placed(record):
    return record["headers"]["replayPartition"], record["headers"]["replayOffset"]


def is_copy(service, id, wanted=lambda record: True, topic="copy"):
    """Checks that a topic has each wanted event once, as it is stored, with its origin."""
    source = {(str(record["partition"]), str(record["offset"])): record for record in service.records() if wanted(record)}
    copies = [record for record in service.records(topic) if record["headers"].get("replayId") == id]
    assert collections.Counter(map(placed, copies)) == collections.Counter(source.keys())
    for copy in copies:
        origin = source[placed(copy)]
        assert (copy["key"], copy["value"]) == (origin["key"], origin["value"])
        assert {name: value for name, value in copy["headers"].items() if not name.startswith("replay")} == origin["headers"]
        assert copy["timestamp"] >= origin["timestamp"]
    # In each partition, records of one source partition stand in their order.
    seen = {}
    for copy in copies:
        partition, offset = placed(copy)
        place = copy["partition"], partition
        assert seen.get(place, -1) < int(offset)
        seen[place] = int(offset)
    return len(copies)


def test_a_copy_of_everything(service):
    fill(service, 1000)
    started = submit(service)
    assert started["state"] in ("queued", "running", "done") and started["total"] == 1000
    ended = done(service, started["id"])
    assert ended["state"] == "done" and ended["problem"] is None and ended["endedAt"] >= ended["startedAt"] >= ended["createdAt"]
    assert ended["read"] == ended["matched"] == ended["written"] == ended["passed"] == 1000 and ended["missed"] == 0
    assert {count["event"]: count["count"] for count in ended["events"]} == {"page_view": 334, "a": 333, "b": 333}
    assert is_copy(service, started["id"]) == 1000
    # Once more, and what came since is in it; each says whose it is.
    fill(service, 100, first=1000)
    again = submit(service)
    assert done(service, again["id"])["written"] == 1100
    assert is_copy(service, again["id"]) == 1100 and len(service.records("copy")) == 2100
    assert [shown["id"] for shown in ask(service, REPLAY)["replays"]] == [again["id"], started["id"]]
    assert {topic["topic"] for topic in ask(service, "log")["topics"]} >= {"copy"}


def test_filters_bounds_and_dry_runs(service):
    fill(service, 300)
    records = service.records()
    time.sleep(0.01)
    between = int(time.time() * 1000)
    time.sleep(0.01)
    fill(service, 300, first=300)
    offsets = {str(record["partition"]): max(r["offset"] for r in records if r["partition"] == record["partition"]) + 1 for record in records}
    later = datetime.datetime.fromtimestamp(between / 1000, datetime.UTC).isoformat(timespec="milliseconds")
    partition = next(record["partition"] for record in records if record["key"] == "u3")
    cases = [
        ({"filter": {"events": ["a", "b"]}}, lambda record: record["value"]["event"] in ("a", "b")),
        ({"filter": {"userId": "u3"}}, lambda record: record["key"] == "u3"),
        ({"filter": {"userId": "u3", "events": ["a"]}}, lambda record: record["key"] == "u3" and record["value"]["event"] == "a"),
        ({"filter": {"userId": "", "events": []}, "to": None}, lambda record: True),
        ({"from": {"timestamp": later}}, lambda record: record["timestamp"] >= between),
        ({"to": {"timestamp": between}}, lambda record: record["timestamp"] < between),
        ({"from": {"offsets": offsets}}, lambda record: record["timestamp"] >= between),
        ({"to": {"offsets": offsets}}, lambda record: record["timestamp"] < between),
        ({"from": {"offsets": {str(partition): 3}}, "to": {"offsets": {str(partition): 9}}},
         lambda record: record["partition"] == partition and 3 <= record["offset"] < 9),
    ]
    for number, (body, wanted) in enumerate(cases):
        dry = done(service, submit(service, **body, target=f"topic:dry-{number}", dryRun=True)["id"])
        ended = done(service, submit(service, **body, target=f"topic:t{number}")["id"])
        assert ended["written"] == is_copy(service, ended["id"], wanted, f"t{number}") > 0
        assert dry["written"] == 0 and (dry["read"], dry["matched"]) == (ended["read"], ended["matched"])
    assert not [topic for topic in ask(service, "log")["topics"] if topic["topic"].startswith("dry")]
    # Of one user one partition is read.
    one = done(service, submit(service, filter={"userId": "u3"}, target=None, dryRun=True)["id"])
    assert [span["partition"] for span in one["ranges"]] == [partition] and one["target"] is None


WRONG = {
    "no JSON": ("{", "no JSON"), "a list": ([], "the body must be an object"), "an unknown member": ({"form": "earliest"}, "form"),
    "no from": ({"target": "topic:x"}, "from"), "no target": ({"from": "earliest"}, "target"),
    "an unknown word": ({"from": "oldest"}, "from"), "a broken time": ({"from": {"timestamp": "yesterday"}}, "from.timestamp"),
    "two starts": ({"from": {"timestamp": 0, "offsets": {"0": 1}}}, "from"), "an empty start": ({"from": {}}, "from"),
    "no partition": ({"from": {"offsets": {"x": 1}}}, "from.offsets"), "a padded partition": ({"from": {"offsets": {"01": 1}}}, "from.offsets"),
    "a negative offset": ({"to": {"offsets": {"0": -1}}}, "to.offsets"), "another partition": ({"from": {"offsets": {"4": 0}}}, "partition 4"),
    "an offset beyond": ({"from": {"offsets": {"0": 1000}}}, "1000"), "no offsets": ({"from": {"offsets": {}}}, "from.offsets"),
    "a broken filter": ({"filter": []}, "filter"), "a broken name": ({"filter": {"events": [1]}}, "filter.events"),
    "many names": ({"filter": {"events": ["a"] * 101}}, "filter.events"), "a broken user": ({"filter": {"userId": 1}}, "filter.userId"),
    "a broken rate": ({"eventsPerSecond": -1}, "eventsPerSecond"), "half a rate": ({"eventsPerSecond": 0.5}, "eventsPerSecond"),
    "a broken flag": ({"dryRun": "yes"}, "dryRun"), "the raw topic": ({"target": "topic:okla.events.raw"}, "okla.events.raw"),
    "the rejected": ({"target": "topic:okla.events.rejected"}, "okla.events.rejected"),
    "the derived": ({"target": "topic:okla.events.derived"}, "okla.events.derived"), "Kafka's own": ({"target": "topic:__offsets"}, "Kafka"),
    "an exporter": ({"target": "clickhouse"}, "clickhouse"), "a path": ({"target": "topic:../x"}, "topic:../x"), "an empty name": ({"target": "topic:"}, "topic:"),
    "twice": ('{"from":"earliest","from":"earliest","target":"topic:x"}', "twice"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_cannot_be_replayed_is_refused_by_name(service, kind):
    body, words = WRONG[kind]
    if isinstance(body, dict) and not kind.startswith("no "):
        body = {"from": "earliest", "target": "topic:x", **body}
    answer = service.post(f"/api/admin/{REPLAY}", body, key=None, **ADMIN)
    assert answer.status == 400 and words in answer.json["message"], answer.body
    assert ask(service, REPLAY) == {"replays": []}
    assert all(topic["topic"].startswith("okla.events.") for topic in ask(service, "log")["topics"])


def test_a_body_without_an_end_is_refused(service):
    assert service.post(f"/api/admin/{REPLAY}", b" " * 70_000, key=None, **ADMIN).status == 413


def test_nobody_else_may(service):
    for method, path in [("POST", REPLAY), ("GET", REPLAY), ("GET", f"{REPLAY}/x"), ("DELETE", f"{REPLAY}/x")]:
        assert service.request(method, f"/api/admin/{path}").status == 401
    for method in ["GET", "DELETE"]:
        assert service.request(method, f"/api/admin/{REPLAY}/x", headers=ADMIN).status == 404


def test_two_run_at_once_and_one_can_be_ended(service):
    fill(service, 500)
    ids = [submit(service, target=f"topic:t{n}", eventsPerSecond=20)["id"] for n in range(3)]
    wait_until(lambda: all(replay(service, id)["written"] > 0 for id in ids[:2]))
    assert replay(service, ids[2])["state"] == "queued"
    answer = service.request("DELETE", f"/api/admin/{REPLAY}/{ids[0]}", headers=ADMIN)
    assert answer.status == 200 and answer.json["state"] == "cancelled"
    written = answer.json["written"]
    wait_until(lambda: replay(service, ids[2])["written"] > 0)
    assert len(service.records("t0")) == replay(service, ids[0])["written"] == written < 500
    # It has ended for good.
    assert service.request("DELETE", f"/api/admin/{REPLAY}/{ids[0]}", headers=ADMIN).json["written"] == written


def test_a_rate_is_kept(service):
    fill(service, 300)
    started = time.monotonic()
    ended = done(service, submit(service, eventsPerSecond=150)["id"])
    assert ended["written"] == 300 and time.monotonic() - started > 1.8


def test_a_restart_goes_on_where_it_was(tmp_path):
    service = Service(tmp_path / "data", SETTINGS).start()
    fill(service, 600)
    running = submit(service, eventsPerSecond=200)
    waiting = [submit(service, target="topic:other", eventsPerSecond=300), submit(service, target="topic:third")]
    wait_until(lambda: replay(service, running["id"])["written"] > 100)
    assert service.stop() == 0
    service.start()
    assert replay(service, running["id"])["createdAt"] == running["createdAt"]
    for one, topic in zip([running, *waiting], ["copy", "other", "third"]):
        assert done(service, one["id"])["written"] == 600
        assert is_copy(service, one["id"], topic=topic) == 600
    # What has ended is remembered as such.
    before = ask(service, REPLAY)
    service.kill()
    service.start()
    assert ask(service, REPLAY) == before and len(before["replays"]) == 3
    service.stop()


def test_each_event_is_written_once_whatever_is_killed(tmp_path, measured):
    chance = seeded(f"{KILLS} kills")
    service = Service(tmp_path / "data", {**SETTINGS, "LOG_SEGMENT_BYTES": "262144"}).start()
    fill(service, 20_000)
    # One as fast as it goes, one slowly, and meanwhile events come.
    ids = [submit(service, filter={"events": ["a", "page_view"]})["id"], submit(service, target="topic:slow", eventsPerSecond=4000)["id"]]
    kills = progressed = 0
    while kills < KILLS:
        threading.Event().wait(chance.random() * 0.4)
        fill(service, 100, first=20_000 + 100 * kills)
        service.kill()
        kills += 1
        service.start()
        progressed += any(0 < replay(service, id)["written"] < replay(service, id)["total"] for id in ids)
    assert done(service, ids[0])["written"] == is_copy(
        service, ids[0], lambda record: record["value"]["event"] != "b" and int(record["value"]["messageId"][1:]) < 20_000)
    assert done(service, ids[1])["written"] == 20_000 == is_copy(
        service, ids[1], lambda record: int(record["value"]["messageId"][1:]) < 20_000, "slow")
    service.stop()
    assert run("log", "verify", "--data-dir", service.data_dir).returncode == 0
    measured(f"{kills} kills, {progressed} of them in the middle of a replay")
    assert progressed > 0


def test_a_file_that_is_none_is_left_out(tmp_path):
    service = Service(tmp_path / "data", SETTINGS).start()
    fill(service, 10)
    id = submit(service)["id"]
    done(service, id)
    service.stop()
    (service.data_dir / "replays" / "broken.json").write_text("{")
    (service.data_dir / "replays" / "folder.json").mkdir()
    service.start()
    assert [shown["id"] for shown in ask(service, REPLAY)["replays"]] == [id]
    service.stop()
    log = service.log_path.read_text()
    assert "broken.json" in log and "folder.json" in log


def test_a_topic_for_which_there_are_no_descriptors_is_refused(tmp_path):
    with Service(tmp_path / "data", {**SETTINGS, "KAFKA_PARTITIONS": "20"}, descriptors=450) as service:
        fill(service, 10)
        wait_until(lambda: len(list((service.data_dir / "projections").glob("*.sqlite-shm"))) == 4)
        answer = submit(service, 503)
        assert "ulimit" in answer["message"]
        assert service.post("/api/events", {"event": "a", "userId": "u"}).status == 202


# MARK: From the command line

def command(service, *arguments):
    return run("replay", *arguments, "--url", service.ready["http"], "--admin-token", TOKEN)


def test_the_command_replays_and_says_what_became_of_it(service):
    fill(service, 300)
    ended = command(service, "--from", "earliest", "--target", "topic:copy", "--event", "a", "--event", "b")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "done: 300 read, 200 matched, 200 written\n" and "replay cancel" in ended.stderr
    dry = command(service, "start", "--from", "0:0,1:0,2:0,3:0", "--to", "latest", "--user", "u3", "--dry-run")
    assert dry.returncode == 0, dry.stderr
    lines = dry.stdout.splitlines()
    assert lines[0].split() == ["EVENT", "COUNT"] and len(lines) == 5 and lines[-1].endswith("nothing written, for it was a dry run")
    detached = command(service, "--from", "2026-01-01T00:00:00Z", "--target", "topic:slow", "--events-per-second", "5", "--detach")
    id = detached.stdout.strip()
    listed = command(service, "list").stdout.splitlines()
    assert listed[0].split()[:3] == ["REPLAY", "STATE", "TARGET"] and listed[1].split()[0] == id and len(listed) == 4
    cancelled = command(service, "cancel", id)
    assert cancelled.returncode == 0 and cancelled.stdout.startswith("cancelled: ")
    watched = command(service, "watch", id)
    assert watched.returncode == 1 and watched.stdout.startswith("cancelled: ")


@pytest.mark.parametrize("arguments, code, words", [
    (["--from", "earliest"], 64, "--target"), (["--target", "topic:x"], 64, "--from"), (["--from", "0:99", "--target", "topic:x"], 1, "99"),
    (["--from", "yesterday", "--target", "topic:x"], 1, "from.timestamp"), (["cancel", "x"], 1, "no replay x"),
])
def test_the_command_says_what_is_wrong(service, arguments, code, words):
    refused = command(service, *arguments)
    assert refused.returncode == code and words in refused.stderr


def test_on_a_terminal_it_draws_a_bar_with_the_time_left(service):
    fill(service, 400)
    drawn = on_a_terminal("replay", "--from", "earliest", "--target", "topic:copy", "--events-per-second", "200",
                          "--url", service.ready["http"], "--admin-token", TOKEN)
    assert "replay [###" in drawn and "/400 offsets" in drawn and " s left" in drawn and drawn.count("\r") > 3
