"""The proxy in front of real servers: what the client sees of each mode, and what the server has done."""
import contextlib
import socket
import threading
import time

import confluent_kafka
import pika
import pytest
import redis

from chaos_proxy import ChaosProxy
from service import wait_until


class Echo:
    """A server that answers each line with the same line, and keeps what it read."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.received = b""
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    def answer(self, connection):
        with connection, contextlib.suppress(OSError):
            while data := connection.recv(65536):
                self.received += data
                connection.sendall(data)


@pytest.fixture
def echo():
    server = Echo()
    yield server
    server.listener.shutdown(socket.SHUT_RDWR)
    server.listener.close()


@pytest.fixture
def proxy(echo, chaos):
    return chaos(echo.port)


def connect(proxy, seconds=10):
    return socket.create_connection(("127.0.0.1", proxy.port), seconds)


def all_of(client):
    """What arrives until the connection's end, which may be a reset."""
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while part := client.recv(65536):
            data += part
    return data


def exchanged(client, data):
    client.sendall(data)
    received = b""
    while len(received) < len(data):
        received += client.recv(65536) or pytest.fail(f"the connection ended after {received}")
    return received == data


def test_everything_passes_in_both_directions_and_so_does_the_end(proxy):
    data = bytes(range(256)) * 40_000
    with connect(proxy) as client:
        sender = threading.Thread(target=client.sendall, args=(data,))
        sender.start()
        received = b""
        while len(received) < len(data):
            received += client.recv(65536)
        sender.join()
        assert received == data
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
    wait_until(lambda: proxy.connections == 0, 10)
    assert (proxy.accepted, proxy.cuts) == (1, 0)


def test_refused_connections_and_then_the_same_port_again(proxy):
    port = proxy.port
    client = connect(proxy)
    assert exchanged(client, b"before")
    for _ in range(20):
        proxy.refuse()
        assert all_of(client) == b""
        for _ in range(5):
            with pytest.raises(ConnectionRefusedError):
                connect(proxy)
        # The port is not free for others meanwhile.
        with socket.socket() as other, pytest.raises(OSError):
            other.bind(("127.0.0.1", port))
        proxy.pass_on()
        client.close()
        client = connect(proxy)
        assert exchanged(client, b"after") and proxy.port == port
    client.close()


def test_a_black_hole_takes_connections_and_gives_back_what_it_held(proxy, echo):
    with connect(proxy) as before:
        assert exchanged(before, b"before")
        proxy.black_hole()
        with connect(proxy, 0.2) as during:
            for client in (before, during):
                client.settimeout(0.2)
                client.sendall(b"held")
                with pytest.raises(TimeoutError):
                    client.recv(1)
            assert echo.received == b"before"
            # Not even the end of a connection passes.
            gone = connect(proxy)
            gone.close()
            wait_until(lambda: proxy.accepted == 3, 10)
            assert proxy.connections == 3
            proxy.pass_on()
            for client in (before, during):
                client.settimeout(10)
                assert client.recv(4) == b"held"
    wait_until(lambda: proxy.connections == 0, 10)


def test_replies_are_cut_after_so_many_bytes_once(proxy, echo):
    for after in (0, 1, 3, 6):
        echo.received = b""
        proxy.cut_replies(after)
        with connect(proxy) as client:
            client.sendall(b"abcdef")
            assert all_of(client) == b"abcdef"[:after]
        wait_until(lambda: echo.received == b"abcdef", 10)
        with connect(proxy) as client:
            assert exchanged(client, b"abcdef")
    assert proxy.cuts == 4


def test_only_the_reply_to_a_request_with_the_pattern_is_cut(proxy, echo):
    proxy.cut_replies(2, pattern=b"INSERT", times=2)
    for _ in range(2):
        with connect(proxy) as client:
            assert exchanged(client, b"hello") and exchanged(client, b"INS") and exchanged(client, b"SELECT")
            # The pattern arrives in two parts.
            assert exchanged(client, b"an INS")
            client.sendall(b"ERT")
            assert all_of(client) == b"ER"
    wait_until(lambda: echo.received.endswith(b"an INSERT"), 10)
    with connect(proxy) as client:
        assert exchanged(client, b"INSERT")
    assert proxy.cuts == 2


def test_requests_are_cut_after_so_many_bytes_or_after_the_pattern(proxy, echo):
    for after, pattern, parts, arrived in [
            (0, b"", [b"abcdef"], b""), (3, b"", [b"abcdef"], b"abc"), (4, b"", [b"abc", b"def"], b"abcd"),
            (0, b"cd", [b"abcdef"], b"ab"), (3, b"cd", [b"abcdef"], b"abcde"), (3, b"cd", [b"abc", b"def"], b"abcde"),
            (1, b"cd", [b"abc", b"def"], b"abc"), (6, b"c", [b"abc", b"defghij"], b"abcdefgh")]:
        echo.received = b""
        proxy.cut_requests(after, pattern)
        with connect(proxy) as client:
            for part in parts[:-1]:
                assert exchanged(client, part)
            client.sendall(parts[-1])
            all_of(client)
        wait_until(lambda: proxy.connections == 0 and echo.received == arrived, 10)
        with connect(proxy) as client:
            assert exchanged(client, b"abcdef")
        assert echo.received == arrived + b"abcdef"


def test_a_delay_is_in_both_directions_and_ends_when_it_is_switched_off(proxy):
    with connect(proxy) as client:
        assert exchanged(client, b"at once")
        proxy.delay(0.1)
        began = time.monotonic()
        assert exchanged(client, b"late")
        assert 0.2 <= time.monotonic() - began < 2
        proxy.delay(60)
        client.sendall(b"very late")
        proxy.pass_on()
        assert client.recv(100) == b"very late"


def test_a_proxy_whose_server_is_gone_ends_the_connection_and_leaves_no_threads(echo):
    before = threading.active_count()
    proxy = ChaosProxy(echo.port)
    clients = [connect(proxy) for _ in range(5)]
    proxy.black_hole()
    clients += [connect(proxy) for _ in range(5)]
    wait_until(lambda: proxy.connections == 10, 10)
    proxy.close()
    for client in clients:
        assert all_of(client) == b""
        client.close()
    wait_until(lambda: threading.active_count() <= before, 10)
    with ChaosProxy(1) as nowhere, connect(nowhere) as client:
        assert all_of(client) == b""


# MARK: In front of real servers


def test_redis_has_done_what_its_client_does_not_know(redis_server, chaos):
    proxy = chaos(redis_server.port)
    client = redis_server.client(port=proxy.port)
    client.ping()
    proxy.cut_replies(pattern=b"XADD")
    with pytest.raises(redis.ConnectionError):
        client.xadd("stream", {"n": 1})
    assert redis_server.client().xlen("stream") == 1
    proxy.cut_requests(20, pattern=b"XADD")
    with pytest.raises(redis.ConnectionError):
        client.xadd("stream", {"n": 2})
    client.xadd("stream", {"n": 3})
    assert [fields for _, fields in redis_server.client().xrange("stream")] == [{b"n": b"1"}, {b"n": b"3"}]
    client.close()


def test_rabbitmq_has_what_it_could_not_confirm(rabbitmq, chaos):
    proxy = chaos(rabbitmq.server.port)
    connection = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", proxy.port, rabbitmq.name))
    channel = connection.channel()
    channel.queue_declare("queue", durable=True)
    channel.confirm_delivery()
    proxy.cut_replies(pattern=b"the message")
    with pytest.raises(pika.exceptions.AMQPConnectionError):
        channel.basic_publish("", "queue", b"the message", pika.BasicProperties(delivery_mode=2))
    with rabbitmq.server.connect(rabbitmq.name) as other:
        assert other.channel().queue_declare("queue", passive=True).method.message_count == 1


@pytest.mark.parametrize("kind,stored", [("clickhouse", "1\n3\n"), ("clickhouse_engine", "1\n")])
def test_clickhouse_has_what_it_could_not_acknowledge(kind, stored, request, chaos):
    """The old server takes a body that is cut for a whole one: what has arrived of it is stored, although its Content-Length says more."""
    server, database = request.getfixturevalue(kind)
    server.query("CREATE TABLE events (n UInt64) ENGINE = MergeTree ORDER BY n", database=database)
    own_port, proxy = server.http_port, chaos(server.http_port)
    try:
        server.http_port = proxy.port
        proxy.cut_replies()
        with pytest.raises(ConnectionError):
            server.query("INSERT INTO events FORMAT TabSeparated", b"1\n", database=database)
        proxy.cut_requests(2, pattern=b"3\n4\n5\n")
        with pytest.raises(ConnectionError):
            server.query("INSERT INTO events FORMAT TabSeparated", b"3\n4\n5\n", database=database)
        assert proxy.cuts == 2
    finally:
        server.http_port = own_port
    wait_until(lambda: server.query("SELECT n FROM events ORDER BY n", database=database) == stored, 10)


def test_kafka_behind_proxies_has_what_it_could_not_acknowledge(kafka, chaos):
    """The mock does not know Kafka's sequence numbers: what an idempotent producer sends again is there twice."""
    topic = kafka.new_topic()
    proxies = {broker: chaos(port) for broker, port in kafka.ports.items()}
    for broker, proxy in proxies.items():
        kafka.advertise(broker, proxy.port)
    errors = []
    producer = confluent_kafka.Producer({"bootstrap.servers": kafka.bootstrap, "linger.ms": 0, "enable.idempotence": True})

    def produce(value):
        producer.produce(topic, value, partition=0, on_delivery=lambda error, _: errors.append(error))
        return producer.flush(20)
    assert produce(b"first") == 0
    for proxy in proxies.values():
        proxy.cut_replies(pattern=b"second")
    assert produce(b"second") == 0
    assert errors == [None, None] and sum(proxy.cuts for proxy in proxies.values()) == 1
    assert [record.value for record in kafka.records(topic)] == [b"first", b"second", b"second"]
