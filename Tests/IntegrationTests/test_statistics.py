"""What happened today: counts by event and time, views, searches, leads, who is active, and the ledger."""
import collections
import datetime
import os
import random
import time

import pytest
from service import Service, run
from test_admin import TOKEN, ask

SETTINGS = {"ADMIN_TOKEN": TOKEN, "KAFKA_PARTITIONS": "3", "EVENT_TRACKING_RATE_LIMITS_PER_IP": "0"}


@pytest.fixture
def service(tmp_path):
    with Service(tmp_path / "data", SETTINGS) as service:
        yield service


# Hours from UTC.
SANTO_DOMINGO = -4


def today(hours):
    return datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=hours))).date().isoformat()


def stats(service, status=200, **parameters):
    return ask(service, "events/stats", status, **parameters)


def test_nothing_has_happened_yet(service):
    answer = stats(service)
    assert answer["total"] == 0 and answer["events"] == {} and answer["series"] == [] and answer["lag"] == 0
    assert answer["activeUsers"] == {"count": 0, "standardError": 0} and answer["timeZone"] == "America/Santo_Domingo"
    assert answer["day"]["topVehicles"] == [] and answer["ledger"]["received"] == 0


def test_what_was_acknowledged_is_counted(service):
    """Events of random kinds against plain counting."""
    generator = random.Random(6)
    events, counted = [], collections.Counter()
    views, viewers, filters = collections.Counter(), collections.defaultdict(set), collections.Counter()
    for number in range(1500):
        user = f"u{generator.randrange(400)}"
        name = generator.choice(["vehicle_view", "search", "lead_form_submit", "page_view", "ñandú"])
        counted[name] += 1
        vehicle = f"v{min(int(generator.expovariate(0.5)), 9)}"
        properties = {"vehicle_view": {"vehicleId": vehicle}, "search": {"query": "x", "filters": {f: 1 for f in generator.sample("abc", 2)}},
                      "lead_form_submit": {"vehicleId": vehicle, "leadId": "l", "dealerId": "d"}, "page_view": {"url": "https://x.y/"}}
        events.append({"event": name, "userId": user, "messageId": f"m{number}", "properties": properties.get(name, {})})
        if name == "vehicle_view":
            views[vehicle] += 1
            viewers[vehicle].add(user)
        filters.update(properties[name]["filters"] if name == "search" else [])
    for start in range(0, len(events), 100):
        assert service.post("/api/events", events[start:start + 100]).json["accepted"] == 100
    service.post("/api/events", events[:10])
    service.post("/api/events", [{"event": "vehicle_view", "userId": "u", "properties": {}}])

    answer = stats(service, interval="day", vehicleId="v9", top=5)
    assert answer["events"] == counted and answer["total"] == sum(bucket["total"] for bucket in answer["series"]) == 1500
    day = answer["day"]
    assert day["day"] == today(SANTO_DOMINGO), "or it was midnight there a moment ago"
    assert day["views"] == sum(views.values())
    top = sorted(views, key=lambda vehicle: (-views[vehicle], vehicle))[:5]
    assert [vehicle["vehicleId"] for vehicle in day["topVehicles"]] == top
    for vehicle in [*day["topVehicles"], day["vehicle"]]:
        count, users = len(viewers[vehicle["vehicleId"]]), vehicle["users"]
        assert vehicle["views"] == views[vehicle["vehicleId"]]
        assert users["count"] == count if users["standardError"] == 0 else abs(users["count"] - count) < 0.1 * count
    assert day["searches"] == counted["search"] and day["filters"] == filters
    assert day["leads"]["total"] == day["leads"]["dealers"]["d"] == counted["lead_form_submit"]
    active = len({event["userId"] for event in events})
    assert abs(answer["activeUsers"]["count"] - active) < 0.1 * active
    ledger = answer["ledger"]
    assert ledger["received"] == 1511 and ledger["stored"] == 1500 and ledger["duplicate"] == 10 and ledger["rejected"] == 1
    assert ledger["writeKeys"]["default"]["received"] == 1511
    assert ledger["events"]["vehicle_view"] == {"stored": counted["vehicle_view"], "rejected": 1}
    assert stats(service, event="ñandú")["events"] == {"ñandú": counted["ñandú"]}

    # The same after it was made anew.
    assert service.stop() == 0
    for file in (service.data_dir / "projections").glob("statistics.sqlite*"):
        file.unlink()
    service.start()
    again = stats(service, interval="day", vehicleId="v9", top=5, to=answer["to"])
    assert {**again, "lag": 0} == {**answer, "activeUsers": again["activeUsers"]}


def test_times_are_what_was_asked_for(service):
    now = int(time.time() * 1000)
    hour = now // 3_600_000 * 3_600_000
    for hours in range(5):
        service.post("/api/events", [{"event": "page_view", "userId": "u", "properties": {"url": "https://x.y/"},
                                      "timestamp": datetime.datetime.fromtimestamp(hour / 1000 - 3600 * hours, datetime.UTC).isoformat()}])
    answer = stats(service, **{"from": hour - 3 * 3_600_000 + 1, "to": hour - 3_600_000})
    assert answer["from"] == answer["series"][0]["start"] and [bucket["total"] for bucket in answer["series"]] == [1, 1]
    assert stats(service, interval="minute", **{"from": hour - 86_400_000})["total"] == 5


@pytest.mark.parametrize("wrong", [
    {"from": "yesterday"}, {"from": "2026-01-02", "to": "2026-01-02"}, {"interval": "week"}, {"interval": "minute", "from": "2026-01-01"},
    {"day": "20260101"}, {"day": "2026-02-30"}, {"day": "2026-01-01T00:00:00Z"}, {"top": "0"}, {"top": "1001"}, {"unknown": "1"}])
def test_what_cannot_be_asked_is_refused_by_name(service, wrong):
    answer = stats(service, 400, **wrong)
    assert next(iter(wrong)) in answer["message"]


def test_the_days_are_those_of_a_time_zone(tmp_path):
    # More than a day apart, so they are never in the same one.
    for zone, hours in [("Pacific/Kiritimati", 14), ("Pacific/Pago_Pago", -11), ("UTC", 0)]:
        with Service(tmp_path / zone.replace("/", "-"), {**SETTINGS, "REDIS_TIME_ZONE": zone}) as service:
            before = today(hours)
            assert stats(service)["day"]["day"] in (before, today(hours))


def test_a_time_zone_that_there_is_not_is_refused(tmp_path):
    refused = run("serve", "--data-dir", tmp_path / "data", "--port", "0", env={**os.environ, "REDIS_TIME_ZONE": "Mars/Olympus"})
    assert refused.returncode != 0 and "Redis.TimeZone" in refused.stderr and "Mars/Olympus" in refused.stderr
