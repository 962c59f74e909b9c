"""A user's history against a model written from the documentation alone: whose an event is, in which order, and in which pages.

The model knows nothing but the records in the log. What the service says of every id is compared with it while events are posted, and
across ends by SIGTERM and SIGKILL, with what it keeps of the log in `projections` and without it."""
import collections
import contextlib
import datetime
import functools
import http.client
import itertools
import json
import math
import shutil
import threading
import time
import urllib.parse

import pytest
from load import seeded
from service import KEY, Service, wait_until
from user_histories import ODD, Maker, Model

TOKEN = "admin-token"
ADMIN = {"Authorization": f"Bearer {TOKEN}"}
ROUNDS, WALKS, RACES = 5, 100, 150


# MARK: Asking

def page(service, id, **parameters):
    """One page, and the cursor of the next one."""
    query = urllib.parse.urlencode(parameters, quote_via=urllib.parse.quote)
    answer = service.request("GET", f"/api/admin/events/user/{urllib.parse.quote(id, safe='')}?{query}", headers=ADMIN)
    assert answer.status == 200, answer.body
    assert len(answer.json["events"]) <= parameters.get("limit", 100)
    return answer.json["events"], answer.json["nextCursor"]


def history(service, id, **parameters):
    """All pages together; from a cursor on, if there is one."""
    events, cursor = page(service, id, **parameters)
    while cursor is not None:
        more, cursor = page(service, id, **{**parameters, "cursor": cursor})
        events += more
    return events


def places(events):
    return [(event["partition"], event["offset"]) for event in events]


def same(asked, expected, of):
    assert places(asked) == places(expected), of
    assert asked == expected, of


def spelled(chance, milliseconds):
    """A time, as any caller may write it."""
    if chance.random() < 0.5:
        return milliseconds
    zone = datetime.timezone(datetime.timedelta(minutes=chance.choice([0, 330, -240])))
    moment = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(milliseconds=milliseconds)
    written = moment.astimezone(zone).isoformat(timespec="milliseconds")
    return written.replace("+00:00", "Z") if chance.random() < 0.5 else written


def compare(service, chance, ids):
    """Asks for everything there is to be said of every id. Returns how many events and intervals there are."""
    records = service.records()
    model = Model(records)
    for id in ids:
        expected = model.history(id)
        # Few enough pages that all of them are read.
        limit = min(1000, max(chance.choice([1, 2, 7, 100, 1000]), len(expected) // 5))
        same(history(service, id, limit=limit), expected, (id, limit))
        times = sorted(chance.choice(records)["timestamp"] + chance.choice([-1, 0, 0, 1]) for _ in range(2))
        filters = {"from": times[0], "to": times[1], "event": chance.choice(records)["value"]["event"]}
        filters = {name: value for name, value in filters.items() if chance.random() < 0.6}
        written = {name: value if name == "event" else spelled(chance, value) for name, value in filters.items()}
        expected = model.history(id, filters.get("from", -math.inf), filters.get("to", math.inf), filters.get("event"))
        same(history(service, id, limit=limit, **written), expected, (id, limit, written))
    return len(records), sum(len(found) for found in model.intervals.values())


# MARK: Posting

class Poster(threading.Thread):
    """Posts one batch after the other, until there is none or nobody takes them; not while somebody else holds `quiet`."""

    def __init__(self, service, batches):
        super().__init__(daemon=True)
        self.service, self.batches, self.started, self.places = service, batches, 0, []
        self.ended, self.quiet = threading.Event(), threading.Lock()

    def run(self):
        with contextlib.suppress(OSError, http.client.HTTPException):
            for batch in itertools.takewhile(lambda _: not self.ended.is_set(), self.batches):
                with self.quiet:
                    self.started += len(batch)
                    answer = self.service.post("/api/events?receipts=true", batch)
                    if answer.status != 202:
                        return
                    self.places += [(result["partition"], result["offset"]) for result in answer.json["results"]]


@contextlib.contextmanager
def posting(service, *works):
    """While the block runs, events arrive; at its end every poster has its last answer."""
    posters = [Poster(service, work) for work in works]
    for poster in posters:
        poster.start()
    yield posters
    for poster in posters:
        poster.ended.set()
        poster.join(timeout=60)
        assert not poster.is_alive()


def test_histories_are_what_the_log_says_whatever_happens_to_the_service(tmp_path, measured):
    chance = seeded(f"{ROUNDS} rounds")
    service = Service(tmp_path / "data", {
        "ADMIN_TOKEN": TOKEN, "KAFKA_PARTITIONS": str(chance.choice([1, 3, 12])), "LOG_SEGMENT_BYTES": "65536", "LOG_LINGER": "0",
        "EVENT_TRACKING_MAX_PAYLOAD_SIZE": "1000000"}).start()
    maker, ends = Maker(chance, ODD), collections.Counter()
    for _ in range(ROUNDS):
        work = [[maker.batch() for _ in range(chance.randrange(1, 5))] for _ in range(3)]
        with posting(service, *work) as posters:
            for poster in posters:
                poster.join(timeout=60)
        assert all(len(poster.places) == sum(map(len, batches)) for poster, batches in zip(posters, work))
        compare(service, chance, maker.ids)
        maker.pass_time()
        with posting(service, *([maker.batch() for _ in range(20)] for _ in range(2))) as posters:
            wanted = chance.choice([0, 1, 50, 200])
            wait_until(lambda: len(posters[0].places) >= wanted or not posters[0].is_alive())
            end = chance.choice([service.stop, service.kill])
            end()
        if chance.random() < 0.2:
            service.start(wait=False)
            wait_until(lambda: (service.data_dir / "projections").exists())
            service.kill()
        forgets = chance.random() < 0.4
        if forgets:
            shutil.rmtree(service.data_dir / "projections")
        service.start()
        ends[f"{end.__name__}{', forgotten' if forgets else ''}"] += 1
        stored, intervals = compare(service, chance, maker.ids)
    service.stop()
    measured(f"{stored} events of {len(maker.ids)} ids, {intervals} intervals; ends: {dict(ends)}")


@pytest.mark.parametrize("quiet", [True, False], ids=["first page in between", "first page meanwhile"])
def test_pages_stay_those_of_the_first_one_while_events_arrive(tmp_path, measured, quiet):
    """One event is posted after the other, so that what had arrived when the first page was asked for is a beginning of all."""
    chance = seeded(f"{WALKS} walks")
    with Service(tmp_path / "data", {"ADMIN_TOKEN": TOKEN, "LOG_LINGER": "0"}) as service:
        maker, walks = Maker(chance), []

        def events():
            for number in itertools.count(1):
                if number % 60 == 0:
                    maker.pass_time()
                yield [maker.event()]

        with posting(service, events()) as (poster,):
            wait_until(lambda: len(poster.places) > 100)
            for _ in range(WALKS):
                id, limit = chance.choice(maker.users + maker.computers), chance.choice([1, 3, 10])
                with poster.quiet if quiet else contextlib.nullcontext():
                    first = len(poster.places)
                    found, cursor = page(service, id, limit=limit)
                    last, pages = poster.started, 1
                while cursor is not None:
                    if chance.random() < 0.2:
                        before = len(poster.places)
                        wait_until(lambda: len(poster.places) > before)
                    more, cursor = page(service, id, limit=limit, cursor=cursor)
                    found, pages = found + more, pages + 1
                walks.append((id, limit, first, last, found, pages))
        records = {(record["partition"], record["offset"]): record for record in service.records()}
    arrived = [records[place] for place in poster.places]
    model = functools.cache(lambda count: Model(arrived[:count]))
    for id, limit, first, last, found, _ in walks:
        assert any(found == model(count).history(id) for count in range(first, last + 1)), (id, limit, first, last, places(found))
    final = Model(arrived)
    changed = sum(final.history(id)[-len(found):] != found for id, _, _, _, found, _ in walks if found)
    measured(f"{len(arrived)} events, {sum(walk[-1] for walk in walks)} pages; {changed} histories were others in the end")
    assert changed and max(walk[-1] for walk in walks) > 10


# MARK: Told one by one

@pytest.fixture
def plain(tmp_path):
    """A service with one partition: what comes later stands later, in the same millisecond too."""
    with Service(tmp_path / "data", {"ADMIN_TOKEN": TOKEN, "KAFKA_PARTITIONS": "1", "LOG_LINGER": "0"}) as service:
        yield service


def seen(name, user=None, anonymous=None, **members):
    return {"event": name, "userId": user, "anonymousId": anonymous, **members}


def post(service, *events):
    """Posts a batch; what follows is of another millisecond."""
    assert service.post("/api/events", list(events)).json["accepted"] == len(events)
    posted = time.time()
    wait_until(lambda: time.time() > posted + 0.001)


def expect(service, expected):
    """The names of every id's events, newest first, of the model and of the service."""
    model = Model(service.records())
    assert {id: " ".join(event["event"] for event in model.history(id)) for id in expected} == expected
    for id in expected:
        same(history(service, id, limit=2), model.history(id), id)


def test_a_shared_computer_is_everyones_while_they_use_it(plain):
    for event in [seen("first", None, "pc"), seen("identify", "ana", "pc"), seen("second", None, "pc"), seen("identify", "ben", "pc"),
                  seen("third", None, "pc"), seen("named", "ana", "pc"), seen("identify", "ana", "pc"), seen("fourth", None, "pc")]:
        post(plain, event)
    expect(plain, {"ana": "fourth identify named second identify first", "ben": "third identify", "pc": ""})


def test_of_an_alias_no_alias_is_followed(plain):
    for event in [seen("identify", "middle", "pc"), seen("alias", "top", previousId="middle"), seen("known", "middle"),
                  seen("unknown", None, "pc"), seen("identify", "top", "other"), seen("others", "other")]:
        post(plain, event)
    expect(plain, {"top": "identify known alias identify", "middle": "unknown known identify", "pc": "", "other": "others"})


def test_a_circular_alias_says_nothing(plain):
    for event in [seen("alias", "b", previousId="a"), seen("alias", "a", previousId="b"), seen("as-a", "a"), seen("as-b", "b"),
                  seen("alias", "c", previousId="b"), seen("alias", "a", previousId="c"), seen("as-c", "c")]:
        post(plain, event)
    expect(plain, {"a": "alias as-a alias", "b": "alias as-b as-a alias alias", "c": "as-c alias as-b alias"})


def test_an_alias_that_was_refused_refuses_no_other(plain):
    for event in [seen("alias", "b", previousId="a"), seen("alias", "a", previousId="b"), seen("identify", "c", "a"),
                  seen("alias", "b", previousId="a"), seen("as-a", "a")]:
        post(plain, event)
    expect(plain, {"a": "as-a alias", "b": "as-a alias alias alias", "c": "identify"})


def test_an_unknown_visitor_has_a_history_until_it_is_known_whose(plain):
    post(plain, seen("first", None, "visitor"))
    post(plain, seen("alias", "visitor", previousId="visitor"), seen("second", None, "visitor"))
    expect(plain, {"visitor": "second alias first", "nobody": ""})
    post(plain, seen("identify", "ana", "visitor"))
    expect(plain, {"visitor": "alias", "ana": "identify second first"})


def test_odd_ids_are_told_apart(plain):
    post(plain, *(seen(f"known-{number}", id) for number, id in enumerate(ODD)))
    post(plain, *(seen(f"unknown-{number}", None, id) for number, id in enumerate(ODD)))
    expect(plain, {id: f"unknown-{number} known-{number}" for number, id in enumerate(ODD)})
    for number, id in enumerate(ODD):
        post(plain, seen("identify", ODD[number - 1], id))
    expect(plain, {ODD[number - 1]: f"identify unknown-{number} known-{number - 1}" for number in range(1, len(ODD))})


def test_the_millisecond_of_an_identify_is_of_the_user_before(plain):
    post(plain, seen("first", None, "pc"), seen("identify", "ana", "pc"), seen("second", None, "pc"))
    post(plain, seen("before", None, "pc"), seen("identify", "ben", "pc"), seen("after", None, "pc"))
    post(plain, seen("later", None, "pc"))
    assert len({record["timestamp"] for record in plain.records()}) == 3
    expect(plain, {"ana": "after before second identify first", "ben": "later identify", "pc": ""})


def test_an_identify_after_the_first_page_changes_no_other(plain):
    """Many of them are received in the millisecond in which that page was asked for: the connection is there before."""
    for number in range(RACES):
        user, computer = f"user-{number}", f"computer-{number}"
        post(plain, *[seen("custom_a", None, computer)] * 3)
        connection = http.client.HTTPConnection("127.0.0.1", plain.port, timeout=30)
        with contextlib.closing(connection):
            connection.connect()
            first, cursor = page(plain, computer, limit=1)
            connection.request("POST", "/api/events", json.dumps(seen("identify", user, computer)), {"X-Write-Key": KEY})
            assert connection.getresponse().status == 202
        assert len(history(plain, user)) == 4
        assert len(first + history(plain, computer, limit=1, cursor=cursor)) == 3, computer


def test_an_identify_on_its_way_is_in_all_pages_or_in_none(plain):
    """It was there when the first page was asked for, or it was not: with the ten events that it gives its user, or without them."""
    for number in range(RACES):
        user, computer = f"user-{number}", f"computer-{number}"
        post(plain, *[seen("custom_a", None, computer)] * 10)
        id, lengths = [(user, (0, 11)), (computer, (10, 0))][number % 2]
        with posting(plain, [[seen("identify", user, computer)]]) as (poster,):
            while not poster.places:
                assert len(history(plain, id, limit=1)) in lengths, id
        assert len(history(plain, id, limit=1)) == lengths[1]
