"""The figures of the day in a real Redis: each of them counted once, whatever happens to either side."""

import time

import pytest
import redis_model
from exporters import drained, groups, lag, reason
from load import seeded
from marketplace import events, post
from redis_server import RedisServer
from service import Service, later, run, wait_until
from test_admin import ADMIN, TOKEN
from test_replay import done, submit

SETTINGS = {"ADMIN_TOKEN": TOKEN, "KAFKA_PARTITIONS": "4"}


@pytest.fixture
def server(redis_server):
    return redis_server


@pytest.fixture
def redis(server):
    with server.client() as client:
        yield client


def settings(server, **more):
    return {**SETTINGS, "REDIS_URL": f"redis://127.0.0.1:{server.port}", **more}


@pytest.fixture
def service(tmp_path, server):
    with Service(tmp_path / "data", settings(server)) as service:
        yield service


def now(redis):
    seconds, microseconds = redis.time()
    return seconds * 1000 + microseconds // 1000


def check(redis, service):
    return redis_model.check(redis, service.records(), now(redis))


def test_every_figure_is_what_plain_counting_gives(service, redis):
    post(service, events(seeded("redis"), 5000))
    drained(service, "redis")
    assert check(redis, service) > 200
    redis_model.check_active(redis, service.records())


def test_without_an_address_there_is_no_exporter(tmp_path):
    with Service(tmp_path / "data", SETTINGS) as service:
        assert groups(service, "redis") == []
        answer = service.post("/api/admin/events/replay", {"from": "earliest", "target": "redis"}, key=None, **ADMIN)
        assert answer.status == 400 and "no exporter is configured" in answer.json["message"]


def test_an_address_that_cannot_be_used_ends_the_start(tmp_path):
    result = run("serve", "--data-dir", tmp_path / "data", env={"REDIS_URL": "rediss://127.0.0.1", "PATH": ""})
    assert result.returncode == 1 and "Redis.Url begins with rediss:" in result.stderr, (result.returncode, result.stderr)


def test_the_latest_user_of_an_id_is_its_user(service, redis):
    def identify(user, anonymous="a"):
        post(service, [{"event": "identify", "userId": user, "anonymousId": anonymous, "traits": {}}])
        later()

    for number in range(30):
        identify(f"u{number}")
    post(service, [{"event": "alias", "userId": "u1", "previousId": "old"}])
    later()
    post(service, [{"event": "alias", "userId": "old", "previousId": "u1"}])
    drained(service, "redis")
    assert redis.hgetall("user_aliases") == {b"a": b"u29", b"old": b"u1"}


def test_names_may_be_anything(service, redis):
    ids = ["a:today", "ä\u0301", "a\u0000b", "🚗", " ", "x" * 512, "{h}", "a\r\nb"]
    post(service, [{"event": "vehicle_view", "userId": id[:256], "properties": {"vehicleId": id, "source": "x"}} for id in ids])
    # Longer than names are kept: nothing is counted under it.
    post(service, [{"event": "vehicle_view", "userId": "u", "properties": {"vehicleId": "y" * 513, "source": "x"}}])
    drained(service, "redis")
    for id in ids:
        assert redis.get(f"analytics:views:vehicle:{id}:today") == b"1"
        assert redis.pfcount(f"analytics:unique:vehicle:{id}:today") == 1
        assert redis.get(f"analytics:active:user:{id[:256]}") == b"1"
    assert redis.zcard("analytics:top:vehicles:today") == len(ids)


# MARK: Days

def test_what_was_received_on_another_day_does_not_count_today(tmp_path, server, redis, faults):
    post_yesterday, chance = events(seeded("redis"), 500, "y"), seeded("redis today")
    faults.set_wall_clock(-24 * 3600)
    with Service(tmp_path / "data", {**SETTINGS, **faults.environment}) as service:
        post(service, post_yesterday)
    faults.set_wall_clock(0)
    with Service(tmp_path / "data", settings(server)) as service:
        post(service, events(chance, 500, "t"))
        drained(service, "redis")
        assert check(redis, service) > 50
        redis_model.check_active(redis, service.records())


def test_at_midnight_a_new_day_begins(tmp_path, server, faults):
    """The zone is one whose midnight is one or two minutes off; both sides' clocks go there."""
    chance = seeded("redis")
    server.stop()
    server.environment = faults.environment
    server.start()
    seconds = int(time.time())
    # A zone without a name: GMT and minutes.
    minutes = (-(seconds // 60) - 2) % 1440
    zone = f"GMT+{minutes // 60:02}{minutes % 60:02}"
    if minutes > 14 * 60:
        zone = f"GMT-{(1440 - minutes) // 60:02}{(1440 - minutes) % 60:02}"
    midnight = (seconds // 60 + 2) * 60 * 1000
    with Service(tmp_path / "data", {**settings(server, REDIS_TIME_ZONE=zone), **faults.environment}) as service, server.client() as redis:
        post(service, events(chance, 300, "before"))
        drained(service, "redis")
        assert redis.execute_command("PEXPIRETIME", "analytics:searches:total:today") == midnight
        faults.pass_time(86_400, lambda: not redis.exists("analytics:searches:total:today"))
        before = service.records()
        post(service, events(chance, 300, "after"))
        drained(service, "redis")
        records = service.records()
        assert len(records) == 600 and len(before) == 300
        after = [record for record in records if record["value"]["messageId"].startswith("after")]
        expected = redis_model.Expected(after, (0, 1 << 62))
        assert int(redis.get("analytics:searches:total:today")) == expected.counts["analytics:searches:total:today"]
        assert {name.decode(): score for name, score in redis.zscan_iter("analytics:top:vehicles:today")} == dict(expected.top)
        assert redis.execute_command("PEXPIRETIME", "analytics:searches:total:today") > midnight


# MARK: What Redis may say

def test_a_password_and_a_database(tmp_path):
    with RedisServer(tmp_path / "redis", password="p@ss/word") as server, server.client(db=3) as redis:
        with Service(tmp_path / "data", {**SETTINGS, "REDIS_URL": f"redis://127.0.0.1:{server.port}/3"}) as service:
            reason(service, "redis", "NOAUTH")
            assert "Redis.Url must have its password" in groups(service, "redis")[0]["reason"]
            post(service, events(seeded("redis"), 100))
        with Service(tmp_path / "data", {**SETTINGS, "REDIS_URL": f"redis://:wrong@127.0.0.1:{server.port}/3"}) as service:
            reason(service, "redis", "WRONGPASS")
            assert "wrong@" not in service.log_path.read_text()
        with Service(tmp_path / "data", {**SETTINGS, "REDIS_URL": f"redis://:p%40ss%2Fword@127.0.0.1:{server.port}/3"}) as service:
            drained(service, "redis")
            assert check(redis, service) > 20
        with server.client(db=0) as other:
            assert other.dbsize() == 0


def waits(service, redis, says, begin, end):
    """Redis refuses for a while with an error; nothing is lost by it, and nothing counted twice."""
    post(service, events(seeded("redis"), 500, "before"))
    drained(service, "redis")
    begin()
    post(service, events(seeded("redis"), 500, "meanwhile"))
    reason(service, "redis", says)
    assert lag(service, "redis") > 0
    end()
    drained(service, "redis")
    post(service, events(seeded("redis"), 500, "after"))
    drained(service, "redis")
    check(redis, service)


def test_without_memory_it_waits(service, redis):
    waits(service, redis, "OOM", lambda: redis.config_set("maxmemory", 1), lambda: redis.config_set("maxmemory", 0))


def test_a_replica_is_waited_for(service, redis, tmp_path):
    with RedisServer(tmp_path / "master") as master:
        # Its data stays while it cannot reach its master, which refuses it.
        master.client().config_set("requirepass", "x")
        waits(service, redis, "READONLY", lambda: redis.replicaof("127.0.0.1", master.port), lambda: redis.replicaof("NO", "ONE"))


def test_a_disk_that_fails_is_waited_for(service, server, redis):
    def fails():
        # Nothing can be put in the place of a folder.
        (server.folder / "dump.rdb").mkdir()
        redis.bgsave()
        wait_until(lambda: redis.info("persistence")["rdb_last_bgsave_status"] == "err")
        redis.config_set("save", "3600 1000000")

    waits(service, redis, "MISCONF", fails, lambda: redis.config_set("stop-writes-on-bgsave-error", "no"))


def test_loading_is_waited_for(service, server, redis):
    """Redis reads what it has for a while when it starts, and says so."""
    post(service, events(seeded("redis"), 4000, "before"))
    drained(service, "redis")
    server.kill()
    post(service, events(seeded("redis"), 500, "meanwhile"))
    server.extra += ["--key-load-delay", "1000"]
    server.spawn()
    reason(service, "redis", "LOADING")
    drained(service, "redis", 120)
    check(redis, service)


def test_a_key_of_another_type_costs_only_what_is_counted_there(service, redis):
    redis.rpush("analytics:searches:total:today", "somebody", "else's")
    post(service, events(seeded("redis"), 1000))
    drained(service, "redis")
    assert "Redis could not change INCRBY analytics:searches:total:today: WRONGTYPE" in service.log_path.read_text()
    refused = [line for line in service.request("GET", "/metrics").body.decode().splitlines() if line.startswith("redis_commands_refused_total")]
    assert int(refused[0].split()[1]) > 0
    expected = redis_model.Expected(service.records(), redis_model.day_of(now(redis)))
    assert int(redis.get("analytics:leads:total:today")) == expected.counts["analytics:leads:total:today"]


# MARK: Several logs, and others who write

def test_two_services_count_into_one_redis(tmp_path, server, redis):
    with Service(tmp_path / "one", settings(server)) as one, Service(tmp_path / "two", settings(server)) as two:
        for number in range(10):
            post(one, events(seeded("redis one"), 200, f"one{number}"))
            post(two, events(seeded("redis two"), 200, f"two{number}"))
        drained(one, "redis")
        drained(two, "redis")
        records = one.records() + two.records()
        redis_model.check(redis, records, now(redis))


def test_a_redis_that_lost_its_data_is_filled_again(service, redis):
    post(service, events(seeded("redis"), 1000))
    drained(service, "redis")
    redis.flushall()
    post(service, events(seeded("redis"), 10, "after"))
    wait_until(lambda: redis.exists("analytics:top:vehicles:today"))
    drained(service, "redis")
    check(redis, service)


# MARK: Replays

def test_a_replay_leaves_out_what_is_counted(service, redis):
    post(service, events(seeded("redis"), 1000))
    drained(service, "redis")
    answer = done(service, submit(service, target="redis")["id"])
    assert answer["state"] == "done" and answer["matched"] == 1000, answer
    check(redis, service)


def test_what_a_replay_has_counted_the_exporter_leaves_out(service, server, redis):
    """The exporter is held up by one partition, and with it by all; a replay of the others comes before it, twice."""
    post(service, events(seeded("redis"), 300, "before"))
    drained(service, "redis")
    positions, = redis.keys("okla:positions:*")
    prefix = positions.decode().replace("positions", "ahead", 1)
    of_zero = next(record["key"] for record in service.records() if record["partition"] == 0)
    # What is no list of offsets cannot be read as one.
    redis.set(f"{prefix}:0", "x")
    post(service, [{"event": "page_view", "userId": of_zero, "messageId": "stuck", "properties": {"url": "https://x.y"}}])
    reason(service, "redis", "WRONGTYPE")
    post(service, events(seeded("redis"), 1000, "meanwhile"))
    for _ in range(2):
        offsets = {str(partition): 0 for partition in range(1, 4)}
        answer = done(service, submit(service, target="redis", **{"from": {"offsets": offsets}})["id"])
        assert answer["state"] == "done" and answer["matched"] > 500, answer
    assert all(redis.zcard(f"{prefix}:{partition}") > 50 for partition in range(1, 4))
    redis.delete(f"{prefix}:0")
    drained(service, "redis")
    assert check(redis, service) > 50
    assert not any(redis.exists(f"{prefix}:{partition}") for partition in range(1, 4))
