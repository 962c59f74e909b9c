"""Many events through all exporters at once: what each side has is compared with the log, row by row and figure by figure."""
import concurrent.futures
import os

import clickhouse_model
import marketplace
import rabbitmq_model
import redis_model
from exporters import drained
from load import seeded
from service import Service
from test_admin import TOKEN
from test_exporter_outages import sessions_end

COUNT = int(os.environ.get("OKLA_EVENTS_TOGETHER", 60_000))
CLIENTS = 4
SETTINGS = {
    "ADMIN_TOKEN": TOKEN, "EVENT_TRACKING_SESSION_TIMEOUT": "2s", "CLICK_HOUSE_HOST": "127.0.0.1", "CLICK_HOUSE_STITCH_INTERVAL": "2s"}


def test_each_side_has_what_the_log_has(tmp_path, redis_server, rabbitmq, clickhouse, measured):
    chance = seeded("together")
    with rabbitmq.server.connect(rabbitmq.name) as connection:
        rabbitmq_model.bind(connection.channel(), "all")
    settings = {
        **SETTINGS, "REDIS_URL": f"redis://127.0.0.1:{redis_server.port}",
        "RABBIT_MQ_URL": f"amqp://guest:guest@127.0.0.1:{rabbitmq.server.port}/{rabbitmq.name}",
        "CLICK_HOUSE_PORT": str(clickhouse.server.http_port), "CLICK_HOUSE_USER": clickhouse.server.user,
        "CLICK_HOUSE_PASSWORD": clickhouse.server.password, "CLICK_HOUSE_DATABASE": clickhouse.name}
    with Service(tmp_path / "data", settings) as service:
        parts = [marketplace.events(chance, COUNT // CLIENTS, f"client{number}", users=5000) for number in range(CLIENTS)]
        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as clients:
            list(clients.map(lambda part: marketplace.post(service, part), parts))
        for group in ("redis", "clickhouse", "rabbitmq"):
            drained(service, group, 400)
        sessions_end(service)
        drained(service, "rabbitmq")
        raw, derived = service.records(), service.records("okla.events.derived")
        assert len(raw) == COUNT
        with redis_server.client() as redis:
            figures = redis_model.check(redis, raw, redis.time()[0] * 1000)
        rows = clickhouse_model.settled(clickhouse.server, clickhouse.name, raw, 300, service)
        with rabbitmq.server.connect(rabbitmq.name) as connection:
            messages = rabbitmq_model.gather(connection.channel(), "all")
        assert rabbitmq_model.check(messages, raw, derived) == 0
        measured(f"{COUNT} events: {rows} rows, {figures} figures, {len(messages)} messages")
