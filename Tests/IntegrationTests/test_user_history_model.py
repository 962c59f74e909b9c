"""A user's history against a model written from the documentation alone: whose an event is, in which order, and in which pages.

The model knows nothing but the records in the log. What the service says of every id is compared with it while events are posted, and
across ends by SIGTERM and SIGKILL, with what it keeps of the log in `projections` and without it."""
import collections
import contextlib
import datetime
import functools
import http.client
import itertools
import math
import shutil
import threading
import time
import urllib.parse

import pytest
from load import seeded
from service import Service, wait_until

TOKEN = "admin-token"
ADMIN = {"Authorization": f"Bearer {TOKEN}"}
ROUNDS, WALKS = 8, 120
ODD = ["é", "e\u0301", "a/b", "a%2Fb", "a b?c=d&e#f", "%41", "A", "it's \"quoted\"", "+1;x", "../..", "\n\x01\x7f", "🚗" * 256, "🚗" * 255, "İ"]


# MARK: The model

def moment(record):
    return record["timestamp"], record["partition"], record["offset"]


class Interval:
    """As long as it lasts, an id is another one of `user`: after `begin`, up to and with `end`."""

    def __init__(self, user, begin):
        self.user, self.begin, self.end, self.by_alias = user, begin, math.inf, False


class Model:
    """Whose every record is."""

    def __init__(self, records):
        self.intervals, self.after, self.histories = collections.defaultdict(list), collections.defaultdict(set), collections.defaultdict(list)
        ordered = sorted(records, key=moment)
        for record in ordered:
            self.learn(record)
        for record in reversed(ordered):
            for id in self.owners(record):
                self.histories[id].append(record)

    def learn(self, record):
        event = record["value"]
        user, by_alias = event.get("userId"), event["event"] == "alias"
        id = event.get("previousId" if by_alias else "anonymousId")
        if event["event"] not in ("identify", "alias") or user is None or id is None:
            return
        if by_alias:
            if user == id or self.leads(user, id):
                return
            self.after[id].add(user)
        known = self.intervals[id]
        if not known or known[-1].user != user:
            if known:
                known[-1].end = record["timestamp"]
            known.append(Interval(user, record["timestamp"] if known else -math.inf))
        known[-1].by_alias |= by_alias

    def leads(self, start, end):
        """Whether aliases lead from one id to the other, over whatever others."""
        reached, left = {start}, [start]
        while left:
            new = self.after.get(left.pop(), set()) - reached
            reached |= new
            left += new
        return end in reached

    def owners(self, record):
        user, anonymous = record["value"].get("userId"), record["value"].get("anonymousId")
        id = anonymous if user is None else user
        held = [interval for interval in self.intervals.get(id, []) if interval.begin < record["timestamp"] <= interval.end]
        if user is not None:
            return {user} | {interval.user for interval in held if interval.by_alias}
        return {interval.user for interval in held} or {anonymous}

    def history(self, id, after=-math.inf, before=math.inf, event=None):
        """As the service has it to say: newest first."""
        return [{**record["value"], "partition": record["partition"], "offset": record["offset"]} for record in self.histories.get(id, [])
                if after <= record["timestamp"] < before and event in (None, record["value"]["event"])]


# MARK: Asking

def page(service, id, **parameters):
    """One page, and the cursor of the next one."""
    query = urllib.parse.urlencode(parameters, quote_via=urllib.parse.quote)
    answer = service.request("GET", f"/api/admin/events/user/{urllib.parse.quote(id, safe='')}?{query}", headers=ADMIN)
    assert answer.status == 200, answer.body
    assert len(answer.json["events"]) <= parameters.get("limit", 100)
    return answer.json["events"], answer.json["nextCursor"]


def history(service, id, **parameters):
    """All pages together."""
    events, cursor = page(service, id, **parameters)
    while cursor is not None:
        more, cursor = page(service, id, cursor=cursor, **parameters)
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
    time = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(milliseconds=milliseconds)
    written = time.astimezone(zone).isoformat(timespec="milliseconds")
    return written.replace("+00:00", "Z") if chance.random() < 0.5 else written


def compare(service, chance, ids):
    """Asks for everything there is to be said of every id."""
    records = service.records()
    model = Model(records)
    for id in ids:
        expected = model.history(id)
        # Few enough pages that all of them are read.
        limit = min(1000, max(chance.choice([1, 2, 7, 100, 1000]), len(expected) // 8))
        same(history(service, id, limit=limit), expected, (id, limit))
        times = sorted(chance.choice(records)["timestamp"] + chance.choice([-1, 0, 0, 1]) for _ in range(2))
        filters = {"from": times[0], "to": times[1], "event": chance.choice(records)["value"]["event"]}
        filters = {name: value for name, value in filters.items() if chance.random() < 0.6}
        written = {name: value if name == "event" else spelled(chance, value) for name, value in filters.items()}
        expected = model.history(id, filters.get("from", -math.inf), filters.get("to", math.inf), filters.get("event"))
        same(history(service, id, limit=limit, **written), expected, (id, limit, written))
    return len(records), sum(len(found) for found in model.intervals.values())


# MARK: Posting

class Maker:
    """Events of few people at few computers; the people and the computers change with time."""

    def __init__(self, chance, odd=()):
        self.chance, self.odd, self.numbers = chance, list(odd), itertools.count()
        self.users, self.computers, self.ids = [], [], set()
        self.pass_time()

    def pass_time(self):
        number = len(self.ids)
        self.users = (self.users + [f"user-{number}", f"user {number}"])[-5:]
        self.computers = (self.computers + [f"computer-{number}", f"computer/{number}", f"both-{number}"])[-5:]
        self.users[-3:-2] = [f"both-{number}"]
        self.ids |= {*self.users, *self.computers, *self.odd}

    def one(self, of):
        return self.chance.choice(self.odd) if self.odd and self.chance.random() < 0.15 else self.chance.choice(of)

    def event(self):
        chance, user, computer = self.chance, self.one(self.users), self.one(self.computers)
        event = {"messageId": f"m{next(self.numbers)}", "properties": {"n": chance.randrange(100)}}
        kind = chance.random()
        if kind < 0.15:
            return {**event, "event": "identify", "userId": user, "anonymousId": computer, "traits": {"plan": "é"}}
        if kind < 0.23:
            other = {"previousId": self.one(self.users + self.computers)}
            return {**event, "event": "alias", "userId": user, **other, **chance.choice([{}, {"anonymousId": computer}])}
        names = {"event": chance.choice(["custom_a", "custom b&c", "page_view", "identify"])}
        event["properties"]["url"] = "https://okla.com.do/"
        known = chance.choice([{"anonymousId": computer}, {"anonymousId": computer, "userId": None}, {"userId": user}, {"userId": user, "anonymousId": computer}])
        if names["event"] == "identify" and chance.random() < 0.7:
            # One that says nothing of anyone else.
            known = chance.choice([{"userId": user, "anonymousId": None}, {"anonymousId": computer}])
        return {**event, **names, **known}

    def batch(self):
        return [self.event() for _ in range(self.chance.choice([1, 1, 2, 5, 30, 100]))]


class Poster(threading.Thread):
    """Posts one batch after the other, until it has posted all of them or finds nobody to take them."""

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
    """While the block runs, events arrive."""
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
    environment = {"ADMIN_TOKEN": TOKEN, "KAFKA_PARTITIONS": str(chance.choice([1, 3, 12])), "LOG_SEGMENT_BYTES": "65536", "LOG_LINGER": "0"}
    service = Service(tmp_path / "data", environment).start()
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
    """One event is posted after the other, so that what had arrived when the first page was asked for is a beginning of them."""
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
        assert found in [model(count).history(id) for count in range(first, last + 1)], (id, limit, first, last, places(found))
    final = Model(arrived)
    changed = sum(final.history(id)[-len(found):] != found for id, _, _, _, found, _ in walks if found)
    measured(f"{len(arrived)} events, {sum(walk[-1] for walk in walks)} pages; {changed} histories were others in the end")
    assert changed and max(walk[-1] for walk in walks) > 10
