"""Every exporter's server fails again and again, and the service too, while events come: afterwards each side has what the log holds, once."""
import os
import time

import clickhouse_model
import marketplace
import rabbitmq_model
import redis_model
from exporters import drained, groups, lag
from load import Client, Load, check as check_log, seeded
from service import Service, wait_until
from test_admin import TOKEN

ROUNDS = int(os.environ.get("OKLA_OUTAGES", 30))
SETTINGS = {"ADMIN_TOKEN": TOKEN, "KAFKA_PARTITIONS": "4", "EVENT_TRACKING_SESSION_TIMEOUT": "2s"}


class Shopper(Client):
    """Posts what a marketplace's users do, some hundred events a second."""

    def batch(self):
        time.sleep(self.random.uniform(0.02, 0.1))
        first, self.sequence = self.sequence, self.sequence + self.random.choice([1, 5, 20])
        return [
            {**marketplace.event(self.random, number, f"c{self.number}"), "userId": f"user-{self.random.randrange(200)}"}
            for number in range(first, self.sequence)]


class Side:
    """A server behind a proxy, and what may happen to both."""

    def __init__(self, name, server, proxy, pattern, restart_every):
        self.name, self.server, self.proxy, self.pattern, self.restart_every = name, server, proxy, pattern, restart_every
        self.kills = 0

    def fail(self, chance):
        """Returns what it did; the server is as it was when this returns."""
        faults = [self.pauses, self.refuses, self.loses_replies, self.loses_requests, self.is_a_black_hole, self.is_slow]
        if chance.randrange(self.restart_every) == 0:
            faults = [self.is_killed]
        fault = chance.choice(faults)
        fault(chance)
        return f"{self.name} {fault.__name__}"

    def is_killed(self, chance):
        self.server.kill()
        time.sleep(chance.uniform(0, 1))
        self.server.start()

    def pauses(self, chance):
        self.server.pause()
        time.sleep(chance.uniform(0.1, 3))
        self.server.go_on()

    def refuses(self, chance):
        self.proxy.refuse()
        time.sleep(chance.uniform(0.1, 2))
        self.proxy.pass_on()

    def loses_replies(self, chance):
        self.cuts(chance, lambda times: self.proxy.cut_replies(chance.choice([0, 0, 1, 5, 40, 500]), self.pattern, times))

    def loses_requests(self, chance):
        self.cuts(chance, lambda times: self.proxy.cut_requests(chance.choice([1, 10, 100, 1000, 20_000]), self.pattern, times))

    def cuts(self, chance, cut):
        before, times = self.proxy.cuts, chance.choice([1, 1, 3])
        cut(times)
        try:
            wait_until(lambda: self.proxy.cuts >= before + times, 8)
        except TimeoutError:
            # Fewer bytes came than it waits for.
            pass
        self.proxy.pass_on()

    def is_a_black_hole(self, chance):
        self.proxy.black_hole()
        time.sleep(chance.uniform(0.5, 3))
        chance.choice([self.proxy.cut, self.proxy.pass_on])()
        self.proxy.pass_on()

    def is_slow(self, chance):
        self.proxy.delay(chance.uniform(0.01, 0.3))
        time.sleep(chance.uniform(0.5, 2))
        self.proxy.pass_on()


def test_whatever_fails_each_side_has_each_event(tmp_path, redis_server, rabbitmq, clickhouse, chaos, measured):
    chance = seeded("outages")
    with rabbitmq.server.connect(rabbitmq.name) as connection:
        rabbitmq_model.bind(connection.channel(), "all")
    sides = [
        Side("Redis", redis_server, chaos(redis_server.port), b"MULTI", 6),
        # It takes seconds to start.
        Side("RabbitMQ", rabbitmq.server, chaos(rabbitmq.server.port), b"application/json", 10),
        Side("ClickHouse", clickhouse.server, chaos(clickhouse.server.http_port), b"INSERT", 6),
    ]
    settings = {
        **SETTINGS, "REDIS_URL": f"redis://127.0.0.1:{sides[0].proxy.port}",
        "RABBIT_MQ_URL": f"amqp://guest:guest@127.0.0.1:{sides[1].proxy.port}/{rabbitmq.name}?heartbeat=1",
        "CLICK_HOUSE_HOST": "127.0.0.1", "CLICK_HOUSE_PORT": str(sides[2].proxy.port), "CLICK_HOUSE_USER": clickhouse.server.user,
        "CLICK_HOUSE_PASSWORD": clickhouse.server.password, "CLICK_HOUSE_DATABASE": clickhouse.name,
        "CLICK_HOUSE_STITCH_INTERVAL": "1s", "CLICK_HOUSE_FLUSH_INTERVAL": "200ms"}
    service = Service(tmp_path / "data", settings).start()
    done = []
    with Load(chance, count=2, kind=Shopper) as load:
        load.ports.set(service.port)
        for _ in range(ROUNDS):
            load.wait(chance.uniform(0.1, 1))
            what = chance.choice([*sides, None])
            if what:
                done.append(what.fail(chance))
            if not what or chance.random() < 0.1:
                load.ports.set(None)
                service.kill()
                done.append("service is_killed")
                service = Service(tmp_path / "data", settings).start()
                load.ports.set(service.port)
        print(*done, sep="\n")
        load.finish()
    assert check_log(service, load.clients) > ROUNDS * 50
    for group in ("redis", "rabbitmq", "clickhouse"):
        drained(service, group, 120)
    sessions_end(service)
    drained(service, "rabbitmq")
    raw, derived = service.records(), service.records("okla.events.derived")
    with redis_server.client() as redis:
        seconds, _ = redis.time()
        figures = redis_model.check(redis, raw, seconds * 1000)
    with rabbitmq.server.connect(rabbitmq.name) as connection:
        messages = rabbitmq_model.gather(connection.channel(), "all")
    repeated = rabbitmq_model.check(messages, raw, derived)
    rows = clickhouse_model.settled(clickhouse.server, clickhouse.name, raw)
    stored = clickhouse.server.rows(f"SELECT toUInt32(count()) AS n FROM {clickhouse.name}.events")[0]["n"]
    service.kill()
    measured(f"{len(done)} outages, {len(raw)} events: {figures} figures in Redis right, {len(messages)} messages, of these {repeated} repeated; "
             f"{rows} rows, of which {stored - rows} lay there twice behind FINAL")


def sessions_end(service):
    """Waits until all that follows from the events is told."""
    def all_ended():
        derived = service.records("okla.events.derived")
        names = [record["value"]["event"] for record in derived]
        return names.count("session.started") == names.count("session.ended") > 0
    wait_until(all_ended, 30)


def test_what_waits_is_seen_and_drains(tmp_path, redis_server, rabbitmq):
    """Both servers are down from the start: the lag is what was stored, and nothing of it when they are there."""
    with rabbitmq.server.connect(rabbitmq.name) as connection:
        rabbitmq_model.bind(connection.channel(), "all", ["event.received"])
    redis_server.kill()
    rabbitmq.server.pause()
    settings = {
        **SETTINGS, "REDIS_URL": f"redis://127.0.0.1:{redis_server.port}", "RABBIT_MQ_ROUTING_KEYS": "event.received",
        "RABBIT_MQ_URL": f"amqp://guest:guest@127.0.0.1:{rabbitmq.server.port}/{rabbitmq.name}?heartbeat=1"}
    with Service(tmp_path / "data", settings) as service:
        for number in range(1, 4):
            marketplace.post(service, marketplace.events(seeded("down"), 500, f"part{number}"))
            wait_until(lambda: lag(service, "redis") == number * 500)
            # Of what follows from events there is some too, of which nothing is wanted.
            wait_until(lambda: groups(service, "rabbitmq")[0]["lag"] == number * 500)
            metrics = service.request("GET", "/metrics").body.decode().splitlines()
            told = sum(int(line.split()[1]) for line in metrics if line.startswith('consumer_lag{group="redis"'))
            assert told == number * 500
        assert len(service.records()) == 1500
        # The log says so once, however often it was tried.
        wait_until(lambda: groups(service, "redis")[0]["failures"] >= 4)
        assert service.log_path.read_text().count("group=redis reason=Redis at") == 1
        redis_server.start()
        rabbitmq.server.go_on()
        drained(service, "redis")
        drained(service, "rabbitmq")
        with redis_server.client() as redis:
            assert redis_model.check(redis, service.records(), redis.time()[0] * 1000) > 100


def test_lag_is_known_while_the_server_is_not(tmp_path, redis_server):
    """After a restart without Redis the lag is that of before, not the whole log."""
    settings = {**SETTINGS, "REDIS_URL": f"redis://127.0.0.1:{redis_server.port}"}
    with Service(tmp_path / "data", settings) as service:
        marketplace.post(service, marketplace.events(seeded("lag"), 1000))
        drained(service, "redis")
        # The copy beside the log is written every second.
        wait_until(lambda: (tmp_path / "data/exporters/redis.json").exists())
        service.stop()
    redis_server.kill()
    with Service(tmp_path / "data", settings) as service:
        wait_until(lambda: groups(service, "redis")[0]["failures"] > 0)
        assert lag(service, "redis") == 0
        marketplace.post(service, marketplace.events(seeded("lag"), 10, "more"))
        wait_until(lambda: lag(service, "redis") == 10)


def test_a_service_that_waits_for_a_server_ends_at_once(tmp_path, redis_server, rabbitmq):
    """Both servers stand still in the middle of something: the service does not wait for their answers when it is to end."""
    with rabbitmq.server.connect(rabbitmq.name) as connection:
        rabbitmq_model.bind(connection.channel(), "all")
    settings = {
        **SETTINGS, "REDIS_URL": f"redis://127.0.0.1:{redis_server.port}",
        "RABBIT_MQ_URL": f"amqp://guest:guest@127.0.0.1:{rabbitmq.server.port}/{rabbitmq.name}"}
    with Service(tmp_path / "data", settings) as service:
        drained(service, "redis")
        drained(service, "rabbitmq")
        redis_server.pause()
        rabbitmq.server.pause()
        marketplace.post(service, marketplace.events(seeded("end"), 100))
        wait_until(lambda: all(consumer["state"] == "catching up" for group in ("redis", "rabbitmq") for consumer in groups(service, group)[:1]))
        began = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() - began < 4
