"""Fixtures with the real servers. A conftest.py takes them by `from fixtures_of_servers import *`.

What starts slowly is started once per run, and a test gets a fresh part of it: a virtual host. A test may pause,
stop or kill a shared server; the next test's fixture has it running again. Seconds from start to ready, first start and restart:
Redis 0.06; RabbitMQ 5 on a machine at rest.
"""
import typing

import pytest

from certificates import Certificates
from chaos_proxy import ChaosProxy
from child_server import ChildServer
from rabbitmq_server import RabbitMQServer
from redis_server import RedisServer

__all__ = ["no_server_outlives_its_test", "certificates", "shared_rabbitmq", "redis_server", "rabbitmq", "chaos"]


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


class Part(typing.NamedTuple):
    """A test's own part of a shared server: the name of a virtual host."""
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
def chaos():
    """Makes proxies in front of ports, for this test."""
    proxies = []

    def before(port):
        proxies.append(ChaosProxy(port))
        return proxies[-1]
    yield before
    for proxy in proxies:
        proxy.close()
