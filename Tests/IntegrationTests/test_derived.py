"""What follows from events: `user.identified`, `session.started` and `session.ended` in `okla.events.derived`, each once, whatever is killed when."""
import collections
import contextlib
import http.client
import itertools
import shutil
import sqlite3
import threading

from load import seeded
from scrape import Scrape
from service import Service, wait_until

DERIVED = "okla.events.derived"
TOKEN = "admin-token"
KILLS = 6
SETTINGS = {"ADMIN_TOKEN": TOKEN, "EVENT_TRACKING_SESSION_TIMEOUT": "2s", "LOG_LINGER": "50ms", "KAFKA_PARTITIONS": "4"}
# The rows of what is made of the log, which follow from the log alone; what waits in the outbox does not.
TABLES = {"user-index": ["postings", "positions"], "aliases": ["aliases", "positions"], "sessions": ["sessions", "positions"],
          "statistics": ["counts", "names", "uniques", "positions"]}


def derived(service):
    return [record["value"] for record in service.records(DERIVED)]


def described(events):
    """The names of the derived events, with what each is of."""
    return collections.Counter(
        (event["event"], event.get("sessionId"), event["userId"] if event["event"] == "user.identified" else None) for event in events)


def expected(service):
    """What must follow from the log: of each session a start and an end, of each `identify` with a user one event."""
    records = [record["value"] for record in service.records()]
    sessions = {event["sessionId"] for event in records if event.get("sessionId")}
    identified = [event["userId"] for event in records if event["event"] == "identify" and event.get("userId")]
    return (collections.Counter((f"session.{what}", session, None) for session in sessions for what in ["started", "ended"])
            + collections.Counter(("user.identified", None, user) for user in identified))


def content(service):
    """What the stopped service has made of the log."""
    rows = {}
    for name, tables in TABLES.items():
        with contextlib.closing(sqlite3.connect(service.data_dir / f"projections/{name}.sqlite")) as file:
            for table in tables:
                rows[name, table] = file.execute(f"SELECT * FROM {table}").fetchall()
    return rows


def wait_for_all(service):
    wanted = sum(expected(service).values())
    wait_until(lambda: Scrape(service).sum("consumer_lag") == 0 and len(derived(service)) >= wanted, 120)


def test_derived_events_say_who_and_how_long(tmp_path):
    with Service(tmp_path / "data", SETTINGS) as service:
        traits = {"name": "José \u2028 \"J\"", "n": 12345678901234567890}
        for body in [{"event": "page_view", "anonymousId": "a/1", "sessionId": "s/1 é", "timestamp": "2026-01-02T03:04:05.678Z"},
                     {"event": "identify", "userId": "u", "anonymousId": "a/1", "sessionId": "s/1 é", "traits": traits},
                     {"event": "identify", "userId": "v", "context": {"traits": {"plan": "free"}}}]:
            body.setdefault("properties", {"url": "https://okla.com.do/"})
            assert service.post("/api/events", body).json["accepted"] == 1
        wait_for_all(service)
        events = {(event["event"], event["userId"]): event for event in derived(service)}
        assert len(events) == 4
        for record in service.records(DERIVED):
            assert record["key"] == record["value"]["userId"] or record["value"]["anonymousId"]
            assert record["headers"] == {"event": record["value"]["event"], "messageId": record["value"]["messageId"]}
        assert events["user.identified", "u"]["traits"] == traits and events["user.identified", "u"]["anonymousId"] == "a/1"
        assert events["user.identified", "v"]["traits"] == {"plan": "free"} and events["user.identified", "v"]["anonymousId"] is None
        start, end = events["session.started", None], events["session.ended", None]
        assert start["sessionId"] == end["sessionId"] == "s/1 é" and start["anonymousId"] == end["anonymousId"] == "a/1"
        raw = {record["value"]["event"]: record["value"] for record in service.records()}
        assert start["timestamp"] == raw["page_view"].get("timestamp", raw["page_view"]["receivedAt"])
        assert end["duration"] > 0


def test_a_session_that_ended_while_the_service_was_down_is_told(tmp_path):
    service = Service(tmp_path / "data", SETTINGS).start()
    assert service.post("/api/events", {"event": "x", "userId": "u", "sessionId": "s"}).json["accepted"] == 1
    wait_until(lambda: len(derived(service)) == 1)
    service.kill()
    service.start()
    wait_for_all(service)
    assert [event["event"] for event in sorted(derived(service), key=lambda event: event["event"])] == ["session.ended", "session.started"]
    service.stop()


class Poster(threading.Thread):
    """Posts events of sessions and identifies, until nobody takes them."""

    def __init__(self, service, chance, numbers):
        super().__init__(daemon=True)
        self.service, self.chance, self.numbers = service, chance, numbers

    def run(self):
        chance = self.chance
        with contextlib.suppress(OSError, http.client.HTTPException):
            while True:
                batch = []
                for number in itertools.islice(self.numbers, chance.choice([1, 5, 30])):
                    user, session = f"user-{chance.randrange(20)}", f"session-{number // 50}"
                    event = {"event": "x", "messageId": f"m{number}", "anonymousId": f"anon-{chance.randrange(40)}"}
                    event |= chance.choice([{}, {"userId": user}, {"sessionId": session}, {"sessionId": session, "userId": user}])
                    batch.append({**event, "event": "identify", "userId": user} if chance.random() < 0.3 else event)
                if self.service.post("/api/events", batch).status != 202:
                    return


def test_derived_events_are_told_once_and_files_hold_the_same_whatever_is_killed(tmp_path, measured):
    chance = seeded(f"{KILLS} kills")
    service, numbers, forgotten = Service(tmp_path / "data", SETTINGS), itertools.count(), 0
    for _ in range(KILLS):
        service.start()
        posters = [Poster(service, chance, numbers) for _ in range(3)]
        for poster in posters:
            poster.start()
        before = len(derived(service))
        wait_until(lambda: len(derived(service)) > before)
        threading.Event().wait(chance.random())
        service.kill()
        for poster in posters:
            poster.join(timeout=60)
        if chance.random() < 0.3:
            forgotten += 1
            shutil.rmtree(service.data_dir / "projections")
    service.start()
    wait_for_all(service)
    told = derived(service)
    assert described(told) == expected(service)
    assert len({event["messageId"] for event in told}) == len(told)
    assert service.stop() == 0
    made = content(service)
    shutil.rmtree(service.data_dir / "projections")
    service.start()
    wait_for_all(service)
    # What would come a second time comes right behind what is read again.
    wait_until(lambda: all(count == 0 for count in outbox(service)))
    assert service.stop() == 0
    assert content(service) == made
    assert derived(service) == told
    measured(f"{KILLS} kills, files forgotten {forgotten} times; {len(service.records())} events, {len(told)} derived")


def outbox(service):
    """How many derived events wait to be written."""
    for name in ["aliases", "sessions"]:
        with contextlib.closing(sqlite3.connect(f"file:{service.data_dir}/projections/{name}.sqlite?mode=ro", uri=True)) as file:
            yield file.execute("SELECT count(*) FROM outbox").fetchone()[0]
            if name == "sessions":
                yield file.execute("SELECT count(*) FROM sessions WHERE due IS NOT NULL").fetchone()[0]
