"""Users' histories: a model of them that is written from the documentation alone, and events that make them."""
import collections
import itertools
import math

# Ids that are easily taken for one another, or for something else than an id.
ODD = ["é", "e\u0301", "a/b", "a%2Fb", "a b?c=d&e#f", "%41", "A", "it's \"quoted\"", "+1;x", "../..", "\n\x01\x7f", "🚗" * 256, "🚗" * 255, "İ"]


def moment(record):
    return record["timestamp"], record["partition"], record["offset"]


class Interval:
    """As long as it lasts, an id is another one of `user`: after `begin`, up to and with `end`."""

    def __init__(self, user, begin):
        self.user, self.begin, self.end, self.by_alias = user, begin, math.inf, False


class Model:
    """The history of every id, of nothing but the records in the log."""

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
            if self.leads(user, id):
                return
            self.after[id].add(user)
        known = self.intervals[id]
        if not known or known[-1].user != user:
            if known:
                known[-1].end = record["timestamp"]
            known.append(Interval(user, record["timestamp"] if known else -math.inf))
        known[-1].by_alias |= by_alias

    def leads(self, start, end):
        """Whether aliases lead from one id to the other, over whatever others; each leads to itself."""
        reached, left = {start}, [start]
        while left:
            new = self.after.get(left.pop(), set()) - reached
            reached |= new
            left += new
        return end in reached

    def owners(self, record):
        """The ids that have it in their history."""
        user, anonymous = record["value"].get("userId"), record["value"].get("anonymousId")
        id = anonymous if user is None else user
        held = [interval for interval in self.intervals.get(id, []) if interval.begin < record["timestamp"] <= interval.end]
        if user is not None:
            return {user} | {interval.user for interval in held if interval.by_alias}
        return {interval.user for interval in held} or {anonymous}

    def history(self, id, after=-math.inf, before=math.inf, event=None):
        """What the service must answer: newest first, received at `after` or later."""
        return [{**record["value"], "partition": record["partition"], "offset": record["offset"]} for record in self.histories.get(id, [])
                if after <= record["timestamp"] < before and event in (None, record["value"]["event"])]


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
        name = chance.choice(["custom_a", "custom b&c", "page_view", "identify"])
        event["properties"]["url"] = "https://okla.com.do/"
        known = [{"anonymousId": computer}, {"anonymousId": computer, "userId": None}, {"userId": user, "anonymousId": None}]
        if name != "identify":
            known.append({"userId": user, "anonymousId": computer})
        return {**event, "event": name, **chance.choice(known)}

    def batch(self):
        return [self.event() for _ in range(self.chance.choice([1, 1, 2, 5, 30, 100]))]
