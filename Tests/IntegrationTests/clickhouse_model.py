"""What a ClickHouse must hold of a log: each event a row, worked out again from what `log dump` prints."""
import collections
import json

from service import wait_until


def owners(records):
    """Of each anonymous id whose it was and when, as (user, after, through) in milliseconds. The first user has everything that came before."""
    claims = collections.defaultdict(list)
    for record in sorted(records, key=lambda record: (record["timestamp"], record["partition"], record["offset"])):
        event = record["value"]
        if event["event"] == "identify" and event.get("anonymousId"):
            claims[event["anonymousId"]].append((event["userId"], record["timestamp"]))
        elif event["event"] == "alias" and event["previousId"] != event["userId"] and len(event["previousId"].encode()) <= 1024:
            claims[event["previousId"]].append((event["userId"], record["timestamp"]))
    intervals = {}
    for id, said in claims.items():
        of_id = []
        for user, time in said:
            if of_id and of_id[-1][0] == user:
                continue
            if of_id:
                of_id[-1] = (*of_id[-1][:2], time)
            of_id.append((user, time if of_id else -1, 1 << 62))
        intervals[id] = of_id
    return intervals


def owner(intervals, id, time):
    return next((user for user, after, through in intervals.get(id, []) if after < time <= through), "")


def text(value):
    return "" if value is None else value


def expected(record, intervals):
    """The row's values by column; JSON as it is compared, not as it is written."""
    event = record["value"]
    context = event.get("context") or {}
    part = lambda name: context.get(name) or {}  # noqa: E731
    page, screen, device = part("page"), part("screen"), part("device")
    campaign, geo = part("campaign"), part("geo")
    anonymous = text(event.get("anonymousId"))
    return {
        "event": event["event"], "messageId": event["messageId"], "userId": event.get("userId") or owner(intervals, anonymous, record["timestamp"]),
        "anonymousId": anonymous, "sessionId": text(event.get("sessionId")), "receivedAt": record["timestamp"],
        "pageUrl": text(page.get("url")), "pageTitle": text(page.get("title")), "pageReferrer": text(page.get("referrer")),
        "userAgent": text(context.get("userAgent")), "ip": text(context.get("ip")), "locale": text(context.get("locale")),
        "timezone": text(context.get("timezone")), "screenWidth": screen.get("width", 0), "screenHeight": screen.get("height", 0),
        "deviceType": text(device.get("type")), "deviceManufacturer": text(device.get("manufacturer")), "deviceModel": text(device.get("model")),
        "osName": text(part("os").get("name")), "osVersion": text(part("os").get("version")),
        "browserName": text(part("browser").get("name")), "browserVersion": text(part("browser").get("version")),
        "campaignSource": text(campaign.get("source")), "campaignMedium": text(campaign.get("medium")),
        "campaignName": text(campaign.get("campaign")), "campaignTerm": text(campaign.get("term")), "campaignContent": text(campaign.get("content")),
        "geoCountry": text(geo.get("country")), "geoRegion": text(geo.get("region")), "geoCity": text(geo.get("city")),
        "geoLatitude": geo.get("latitude"), "geoLongitude": geo.get("longitude"), "isBot": int(part("bot").get("isBot", False)),
        "properties": event.get("properties"), "traits": event.get("traits", context.get("traits")), "context": event.get("context"),
        "logPartition": record["partition"], "logOffset": record["offset"], "writeKey": record["headers"].get("writeKey", ""),
    }


def rows(server, database):
    """What the table shows, by messageId: each once, with times in milliseconds since 1970."""
    types = {row["name"]: row["type"] for row in server.rows(f"SELECT name, type FROM system.columns WHERE database = '{database}' AND table = 'events'")}
    if types["timestamp"].startswith("DateTime64"):
        times = "toUnixTimestamp64Milli(timestamp) AS t, toUnixTimestamp64Milli(receivedAt) AS r"
    else:
        times = ("toUInt64(toUInt32(timestamp)) * 1000 + timestampMs AS t, toUInt64(toUInt32(receivedAt)) * 1000 + receivedAtMs AS r")
    others = ", ".join(name for name in types if name not in ("timestamp", "timestampMs", "receivedAt", "receivedAtMs"))
    found = {}
    for row in server.rows(f"SELECT {others}, {times} FROM {database}.events FINAL"):
        row["timestamp"], row["receivedAt"] = row.pop("t"), row.pop("r")
        for name in ("properties", "traits", "context"):
            row[name] = json.loads(row[name]) if row[name] else None
        assert row["messageId"] not in found, f"{row['messageId']} is there twice"
        found[row["messageId"]] = row
    return found


def close(a, b):
    return a is b is None or a is not None and b is not None and abs(a - b) < 1e-9


def check(server, database, records):
    """Compares row by row; returns how many there are."""
    found, intervals = rows(server, database), owners(records)
    wanted = {record["value"]["messageId"]: expected(record, intervals) for record in records}
    assert set(found) == set(wanted), (len(found), len(wanted))
    for id, want in wanted.items():
        row = found[id]
        for name, value in want.items():
            is_same = close(row[name], value) if name.startswith("geoL") else row[name] == value
            assert is_same, (id, name, row[name], value)
    return len(found)


def is_updating(server, database):
    return bool(server.rows(f"SELECT mutation_id FROM system.mutations WHERE database = '{database}' AND NOT is_done"))


def settled(server, database, records, seconds=60, service=None):
    """The same, once rows have the users that became known after they were inserted. With a service it is not looked at before that says that no
    row waits for its user any more: with many rows every look takes long."""
    counts = []
    if service:
        file = service.data_dir / "exporters/clickhouse.json"
        wait_until(lambda: not json.loads(file.read_text())["unstitched"] and not is_updating(server, database), seconds)

    def is_so():
        try:
            counts.append(check(server, database, records))
        except AssertionError:
            return False
        return True

    try:
        wait_until(is_so, seconds)
    except TimeoutError:
        # Says what differs.
        return check(server, database, records)
    return counts[-1]
