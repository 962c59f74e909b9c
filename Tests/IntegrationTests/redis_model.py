"""What Redis must hold of a log: counted again, plainly, from what `log dump` prints."""
import collections
import datetime
import zoneinfo

ZONE = "America/Santo_Domingo"


def day_of(milliseconds, zone=ZONE):
    """The local day that a time falls into, as its first millisecond and that of the next day."""
    local = datetime.datetime.fromtimestamp(milliseconds / 1000, zoneinfo.ZoneInfo(zone))
    start = local.replace(hour=0, minute=0, second=0, microsecond=0)
    return int(start.timestamp() * 1000), int((start + datetime.timedelta(days=1)).timestamp() * 1000)


class Expected:
    """The figures of one day, and the aliases."""

    def __init__(self, records, day):
        self.counts = collections.Counter()
        self.uniques = collections.defaultdict(set)
        self.top = collections.Counter()
        self.filters = collections.Counter()
        self.seen = {}
        self.aliases = {}
        for record in sorted(records, key=lambda record: (record["timestamp"], record["partition"], record["offset"])):
            self.add(record, day)

    def add(self, record, day):
        event, user, received = record["value"], record["key"], record["timestamp"]
        self.seen[user] = max(received, self.seen.get(user, 0))
        if event["event"] == "identify" and event.get("anonymousId"):
            self.aliases[event["anonymousId"]] = event["userId"]
        if event["event"] == "alias" and event["previousId"] != event["userId"]:
            self.aliases[event["previousId"]] = event["userId"]
        if not day[0] <= received < day[1]:
            return
        properties = event.get("properties") or {}
        vehicle, dealer = properties.get("vehicleId"), properties.get("dealerId")
        if event["event"] == "vehicle_view":
            self.counts[f"analytics:views:vehicle:{vehicle}:today"] += 1
            self.uniques[f"analytics:unique:vehicle:{vehicle}:today"].add(user)
            self.top[vehicle] += 1
        elif event["event"] == "search":
            self.counts["analytics:searches:total:today"] += 1
            self.filters.update(properties.get("filters", {}).keys())
        elif event["event"] == "lead_form_submit":
            self.counts["analytics:leads:total:today"] += 1
            self.counts[f"analytics:leads:vehicle:{vehicle}:today"] += 1
            if dealer:
                self.counts[f"analytics:leads:dealer:{dealer}:today"] += 1


def check(redis, records, now_milliseconds, zone=ZONE):
    """Compares all that is in Redis under the names that others read; returns how many figures these were."""
    day = day_of(now_milliseconds, zone)
    expected = Expected(records, day)
    keys = {key.decode() for key in redis.scan_iter("analytics:*", count=10_000)}
    active = {key for key in keys if key.startswith("analytics:active:user:")}
    rest = set(expected.counts) | set(expected.uniques)
    rest |= {"analytics:top:vehicles:today"} if expected.top else set()
    rest |= {"analytics:filters:today"} if expected.filters else set()
    assert keys - active == rest
    found = {key: int(redis.get(key)) for key in expected.counts}
    assert found == dict(expected.counts)
    for key, users in expected.uniques.items():
        # Redis estimates: as it does of the same users, counted by themselves.
        redis.delete("model")
        redis.pfadd("model", *users)
        assert redis.pfcount(key) == redis.pfcount("model"), key
    redis.delete("model")
    assert {name.decode(): score for name, score in redis.zscan_iter("analytics:top:vehicles:today")} == dict(expected.top)
    assert {name.decode(): int(count) for name, count in redis.hgetall("analytics:filters:today").items()} == dict(expected.filters)
    assert {name.decode(): user.decode() for name, user in redis.hgetall("user_aliases").items()} == expected.aliases
    for key in keys - active:
        assert redis.execute_command("PEXPIRETIME", key) == day[1], key
    return len(keys - active) + len(expected.aliases)


def check_active(redis, records):
    """Who had an event in the last five minutes is active, for as long as is left of these; nobody else."""
    seen = Expected(records, (0, 0)).seen
    seconds, microseconds = redis.time()
    now = seconds * 1000 + microseconds // 1000
    slack = 5_000
    for user, last in seen.items():
        key = f"analytics:active:user:{user}"
        left = redis.pttl(key)
        if last + 300_000 > now + slack:
            assert redis.get(key) == b"1"
            assert abs(left - (last + 300_000 - now)) < slack, (user, left, last + 300_000 - now)
        elif last + 300_000 < now:
            assert left == -2
    assert len(list(redis.scan_iter("analytics:active:user:*", count=10_000))) <= len(seen)
