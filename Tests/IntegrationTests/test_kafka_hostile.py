"""Whoever means no good at the port for Kafka's clients harms nobody but itself."""
import contextlib
import pathlib
import random
import socket
import struct
import time

import confluent_kafka
import pytest

from kafka_clients import Access, Confluent
from service import Service, wait_until

FIXTURES = pathlib.Path(__file__).resolve().parent.parent.parent / "Fixtures"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Service(tmp_path_factory.mktemp("hostile") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def access(service):
    return Access(service.ready["kafka"])


@contextlib.contextmanager
def connected(access, seconds=20):
    host, port = access.bootstrap.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=seconds) as connection:
        yield connection


def request(api, version, body=b"", correlation=7, client=b"x"):
    head = struct.pack(">hhi", api, version, correlation) + (struct.pack(">h", len(client)) + client if client is not None else b"\xff\xff")
    return struct.pack(">i", len(head) + len(body)) + head + body


def read(connection, count):
    found = b""
    while len(found) < count:
        more = connection.recv(count - len(found))
        if not more:
            return None
        found += more
    return found


def answer(connection):
    """Without its length; None: the connection was closed."""
    length = read(connection, 4)
    return length and read(connection, struct.unpack(">i", length)[0])


def is_closed(connection):
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def works(access):
    """A client that means well."""
    topic = f"well-{time.time_ns()}"
    Confluent(access).produce(topic, [(b"k", b"v")])
    return Confluent(access).consume(topic, 0, 0, 1) == [(0, b"k", b"v")]


VERSIONS = request(18, 0)


@pytest.mark.parametrize("garbage", [
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500), b"\0" * 100, b"\xff" * 100, b"\x7f\xff\xff\xff", b"\x80\0\0\0", struct.pack(">i", 7) + bytes(7),
    struct.pack(">i", (16 << 20) + 1), request(99, 0), request(-1, 0), request(0, 2), request(1, 3), request(3, 99), request(3, 1, b"\x7f\xff\xff\xff"), request(11, 0, b"\0\1g" * 3),
    request(0, 3, b"\xff\xff\0\1\0\0\0\0" + b"\x7f\xff\xff\xff"), request(3, 9, b"\xff\xff\xff\xff\x0f"), struct.pack(">ihhih", 12, 18, 0, 1, 500) + b"xx",
], ids=str)
def test_garbage_ends_its_connection_and_no_other(access, garbage):
    with connected(access) as good, connected(access) as bad:
        good.sendall(VERSIONS)
        assert answer(good)[:4] == b"\0\0\0\7"
        bad.sendall(garbage)
        assert is_closed(bad)
        good.sendall(VERSIONS)
        assert answer(good)[:4] == b"\0\0\0\7"


def test_a_version_of_a_later_day_is_answered_as_kafka_does(access):
    """An ApiVersions body of version 0, with the error and the range for itself; the client asks again lower."""
    with connected(access) as connection:
        connection.sendall(request(18, 99, b"\x01\x01\x00"))
        assert answer(connection) == struct.pack(">ihihhh", 7, 35, 1, 18, 0, 3)
        connection.sendall(request(18, 3, b"\0\x02a\x02b\0"))
        assert answer(connection)[:6] == struct.pack(">ih", 7, 0)


def test_requests_are_served_byte_by_byte_and_all_at_once(access):
    with connected(access) as connection:
        for byte in VERSIONS:
            connection.sendall(bytes([byte]))
        first = answer(connection)
        connection.sendall(b"".join(request(18, 0, correlation=number) for number in range(1000)))
        for number in range(1000):
            assert answer(connection) == struct.pack(">i", number) + first[4:]


def test_real_messages_with_a_byte_changed_trap_nothing(service, access):
    """What kafka-python has written, one mutation after the other, from a fixed seed."""
    from kafka_seeds import requests
    chance, sent = random.Random(5), 0
    service.forget_peak()
    before = service.memory()[1]
    messages = [message for message in requests() if struct.unpack(">h", message[:2])[0] not in (19, 20, 21, 47)]
    for number in range(3000):
        message = bytearray(chance.choice(messages))
        for _ in range(chance.choice([0, 1, 1, 2, 8])):
            message[chance.randrange(len(message))] = chance.choice([0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)])
        if chance.random() < 0.2:
            message = message[:chance.randrange(8, len(message) + 1)] if len(message) > 8 else message
        with connected(access) as connection:
            connection.sendall(struct.pack(">i", len(message)) + message)
            connection.shutdown(socket.SHUT_WR)
            sent += 1
    assert sent == 3000 and works(access)
    assert service.memory()[1] - before < 200


def test_connections_beyond_the_limit_are_closed_at_once(tmp_path):
    with Service(tmp_path / "data") as service:
        access = Access(service.ready["kafka"])
        with contextlib.ExitStack() as stack:
            many = [stack.enter_context(connected(access)) for _ in range(256)]
            for connection in many:
                connection.sendall(VERSIONS)
            assert all(answer(connection) for connection in many)
            with connected(access) as one_more:
                assert is_closed(one_more)
        wait_until(lambda: works(access), 30)


def test_a_reader_that_takes_nothing_holds_no_memory_and_stops_nobody(tmp_path):
    """Sixty ask for 16 MiB each, again and again, and never read an answer; meanwhile events are stored, and others read."""
    with Service(tmp_path / "data", {"EVENT_TRACKING_BATCH_SIZE": "1000"}) as service:
        access = Access(service.ready["kafka"])
        # Bytes that do not get smaller.
        Confluent(access).produce("large", [(b"k", random.Random(number).randbytes(500_000)) for number in range(80)])
        fetch = request(1, 4, struct.pack(">iiiibi", -1, 500, 1, 16 << 20, 0, 1) + b"\0\5large" + struct.pack(">iiqi", 1, 0, 0, 16 << 20))
        service.forget_peak()
        before = service.memory()[1]
        with contextlib.ExitStack() as stack:
            for _ in range(60):
                connection = stack.enter_context(connected(access))
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                connection.sendall(fetch * 10)
            for start in range(0, 4000, 200):
                events = [{"event": "search", "userId": f"u-{number}", "messageId": f"m-{number}", "properties": {"query": "x"}} for number in range(start, start + 200)]
                assert service.post("/api/events", events).json["accepted"] == 200
            assert works(access)
            assert Confluent(access).consumer().get_watermark_offsets(confluent_kafka.TopicPartition("large", 0)) == (0, 80)
        assert service.memory()[1] - before < 600
        wait_until(lambda: works(access), 30)
