"""Fixtures with the real servers. A conftest.py takes them by `from fixtures_of_servers import *`.

What starts slowly is started once per run, and a test gets a fresh part of it: a virtual host, a database, a topic. A test may pause,
stop or kill a shared server; the next test's fixture has it running again. Seconds from start to ready, first start and restart:
Redis 0.06, ClickHouse 0.3 and 0.1, its newer engine 0.65, the Kafka cluster 0.15; RabbitMQ 5 on a machine at rest.
"""
import typing

import pytest

from certificates import Certificates
from chaos_proxy import ChaosProxy
from child_server import ChildServer
from clickhouse_engine import ClickHouseEngine
from clickhouse_server import ClickHouseServer
from kafka_cluster import KafkaCluster
from rabbitmq_server import RabbitMQServer
from redis_server import RedisServer

__all__ = ["no_server_outlives_its_test", "certificates", "shared_rabbitmq", "shared_clickhouse", "shared_clickhouse_engine", "shared_kafka",
           "redis_server", "rabbitmq", "clickhouse", "clickhouse_engine", "kafka", "chaos"]


@pytest.fixture(autouse=True)
def no_server_outlives_its_test():
    before = set(ChildServer.running)
    yield
    for left in set(ChildServer.running) - before:
        if not left.is_shared:
            left.kill()


def shared(server):
    """Runs for the rest of the session; it is started when the first test wants it."""
    server.is_shared = True
    yield server
    server.close()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def shared_rabbitmq(tmp_path_factory, certificates):
    yield from shared(RabbitMQServer(tmp_path_factory.mktemp("rabbitmq"), tls=certificates))


@pytest.fixture(scope="session")
def shared_clickhouse(tmp_path_factory):
    yield from shared(ClickHouseServer(tmp_path_factory.mktemp("clickhouse"), user="exporter", password="a <secret> & more"))


@pytest.fixture(scope="session")
def shared_clickhouse_engine(tmp_path_factory):
    yield from shared(ClickHouseEngine(tmp_path_factory.mktemp("clickhouse-engine")))


@pytest.fixture(scope="session")
def shared_kafka(tmp_path_factory):
    yield from shared(KafkaCluster(tmp_path_factory.mktemp("kafka")))


class Part(typing.NamedTuple):
    """A test's own part of a shared server: the name of a virtual host or of a database."""
    server: ChildServer
    name: str


@pytest.fixture
def redis_server(tmp_path):
    with RedisServer(tmp_path / "redis") as server:
        yield server


@pytest.fixture
def rabbitmq(shared_rabbitmq):
    """The shared broker and a new virtual host in it."""
    with shared_rabbitmq.ready_again().virtual_host() as name:
        yield Part(shared_rabbitmq, name)


@pytest.fixture
def clickhouse(shared_clickhouse):
    """The shared server and a new database in it."""
    with shared_clickhouse.ready_again().database() as name:
        yield Part(shared_clickhouse, name)


@pytest.fixture
def clickhouse_engine(shared_clickhouse_engine):
    """The shared engine and a new database in it."""
    with shared_clickhouse_engine.ready_again().database() as name:
        yield Part(shared_clickhouse_engine, name)


@pytest.fixture
def kafka(shared_kafka):
    """The shared cluster, with all of its brokers; `new_topic` is a test's own part of it."""
    return shared_kafka.ready_again().heal()


@pytest.fixture
def chaos():
    """Makes proxies in front of ports, for this test."""
    proxies = []

    def before(port):
        proxies.append(ChaosProxy(port))
        return proxies[-1]
    yield before
    for proxy in proxies:
        proxy.close()
