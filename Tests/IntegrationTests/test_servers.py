"""The real servers that the exporters' tests start do what those tests rely on: each verb of each of them."""
import contextlib
import gzip
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import time

import confluent_kafka
import lz4.block
import lz4.frame
import pika
import pytest
import redis
from pika.adapters.utils.connection_workflow import AMQPConnectorException

from child_server import ChildServer
from clickhouse_engine import ClickHouseEngine
from clickhouse_http import ClickHouseError
from clickhouse_server import ClickHouseServer
from kafka_cluster import DISCONNECT, NOT_LEADER, PRODUCE, KafkaCluster
from ports import free_port
from rabbitmq_server import RabbitMQServer
from redis_server import RedisServer
from service import wait_until

HERE = pathlib.Path(__file__).resolve().parent
NO_ANSWER = (TimeoutError, redis.TimeoutError, AMQPConnectorException)
NOBODY_THERE = (ConnectionError, redis.ConnectionError, pika.exceptions.AMQPConnectionError)


def processes_of(folder):
    """Those, of anybody, that stand in the folder or below, or whose environment names it. What has ended but was not waited for is none."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        # It may end meanwhile.
        with contextlib.suppress(OSError):
            if os.readlink(process / "cwd").startswith(str(folder)) or str(folder).encode() in (process / "environ").read_bytes():
                found.append(int(process.name))
    return found


def is_refused(port):
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) != 0


# MARK: Every server


class Redis(RedisServer):
    def write(self):
        self.client().xadd("stream", {"payload": b"\x00\xff"})

    def count(self, seconds):
        return self.client(socket_timeout=seconds).xlen("stream")


class ClickHouse:
    def write(self):
        self.query("CREATE TABLE IF NOT EXISTS events (n UInt64) ENGINE = MergeTree ORDER BY n")
        self.query("INSERT INTO events FORMAT TabSeparated", b"1\n")

    def count(self, seconds):
        status, _, body = self.request("GET", "/?query=SELECT+count()+FROM+events", None,
                                       {"X-ClickHouse-User": self.user, "X-ClickHouse-Key": self.password}, seconds)
        assert status == 200, body
        return int(body)


class Server(ClickHouse, ClickHouseServer):
    pass


class Engine(ClickHouse, ClickHouseEngine):
    pass


class RabbitMQ(RabbitMQServer):
    def write(self):
        with self.connect() as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            channel.queue_declare("durable", durable=True)
            # Of RabbitMQ 3.10 just started, on a busy machine, one of some 50 SIGKILLs within the next two seconds took the queue with it.
            self.evaluate("mnesia:dump_log()")
            # Returns when the broker has confirmed it.
            channel.basic_publish("", "durable", b"\x00\xff", pika.BasicProperties(delivery_mode=2), mandatory=True)

    def count(self, seconds):
        with self.connect(socket_timeout=seconds, stack_timeout=seconds) as connection:
            return connection.channel().queue_declare("durable", passive=True).method.message_count


@pytest.mark.parametrize("kind", [Redis, Server, Engine, RabbitMQ])
def test_what_was_acknowledged_outlives_sigkill_and_each_verb_does_what_it_says(kind, tmp_path, measured):
    server = kind(tmp_path / "server")
    took = {}

    def timed(verb):
        began = time.monotonic()
        result = getattr(server, verb)()
        took.setdefault(verb, []).append(f"{time.monotonic() - began:.3f}")
        return result

    timed("start")
    server.write()
    timed("pause")
    with pytest.raises(NO_ANSWER):
        server.count(0.3)
    timed("go_on")
    assert server.count(30) == 1
    server.write()
    pid = server.process.pid
    assert timed("kill") == -signal.SIGKILL
    assert not pathlib.Path(f"/proc/{pid}").exists() and server not in ChildServer.running
    with pytest.raises(NOBODY_THERE):
        server.count(1)
    timed("start")
    assert server.count(30) == 2
    server.pause()
    assert timed("stop") == 0
    timed("start")
    assert server.count(30) == 2
    server.pause()
    server.kill()
    server.close()
    wait_until(lambda: not processes_of(tmp_path), 10)
    measured(", ".join(f"{verb} {' '.join(seconds)}" for verb, seconds in took.items()) + " s")


def test_a_server_that_does_not_start_says_why(tmp_path):
    port = free_port()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        with pytest.raises(RuntimeError, match="RedisServer ended with 1:(?s:.*)Address already in use"):
            RedisServer(tmp_path / "redis", port=port).start()
    assert not processes_of(tmp_path)


def test_a_free_port_is_never_one_of_an_outgoing_connection():
    ports = [free_port() for _ in range(100)]
    low = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert len(set(ports)) == 100 and all(1024 < port < low for port in ports)


# MARK: No process is left

INNER = """
import time
from child_server import ChildServer
from redis_server import RedisServer


def test_that_fails(tmp_path, shared_clickhouse, kafka, clickhouse_engine):
    servers = [RedisServer(tmp_path / "a").start(), RedisServer(tmp_path / "b").start(), shared_clickhouse.start()]
    servers[0].pause()
    assert len(ChildServer.running) == 5
    assert False, "as it should"


def test_that_follows():
    assert len(ChildServer.running) == 3 and all(server.is_shared for server in ChildServer.running)


def test_that_is_killed(tmp_path, rabbitmq, kafka, clickhouse_engine, clickhouse):
    RedisServer(tmp_path / "a").start()
    (tmp_path.parent / "is up").touch()
    time.sleep(600)
"""


def inner_run(tmp_path, names):
    tests = tmp_path / "tests"
    tests.mkdir()
    (tests / "conftest.py").write_text((HERE / "conftest.py").read_text())
    (tests / "test_inner.py").write_text(INNER)
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--basetemp={tmp_path / 'runs'}", "-k", names, "test_inner.py"],
        cwd=tests, env={**os.environ, "PYTHONPATH": str(HERE)}, stdout=subprocess.PIPE, text=True)


def test_nothing_is_left_after_a_test_that_fails_while_its_servers_run(tmp_path):
    with inner_run(tmp_path, "fails or follows") as inner:
        output = inner.stdout.read()
    assert "as it should" in output and "1 failed, 1 passed" in output
    assert processes_of(tmp_path / "runs") == []


def test_nothing_is_left_when_pytest_itself_is_killed(tmp_path):
    with inner_run(tmp_path, "killed") as inner:
        wait_until(lambda: (tmp_path / "runs/is up").exists() or inner.poll() is not None, 120)
        assert inner.poll() is None, inner.stdout.read()
        # Redis, ClickHouse and its engine, Kafka, RabbitMQ with its port mapper and a helper of Erlang's.
        assert len(processes_of(tmp_path / "runs")) >= 6
        inner.send_signal(signal.SIGKILL)
    wait_until(lambda: not processes_of(tmp_path / "runs"), 10)


# MARK: Redis


def test_redis_wants_its_password_and_takes_further_arguments(tmp_path):
    with RedisServer(tmp_path / "redis", password="secret", extra=["--maxmemory", "2mb"]) as server:
        with pytest.raises(redis.AuthenticationError):
            server.client(password=None).ping()
        client = server.client()
        with pytest.raises(redis.OutOfMemoryError):
            for _ in range(100):
                client.xadd("stream", {"payload": bytes(100_000)})


# MARK: RabbitMQ


def test_rabbitmq_speaks_tls_with_a_certificate_of_the_authority(rabbitmq):
    with rabbitmq.server.connect(rabbitmq.name, with_tls=True) as connection:
        connection.channel().queue_declare("through-tls")
    with rabbitmq.server.connect(rabbitmq.name) as connection:
        assert connection.channel().queue_declare("through-tls", passive=True)


def test_rabbitmq_blocks_who_publishes_during_a_memory_alarm(rabbitmq, measured):
    events = []
    with rabbitmq.server.connect(rabbitmq.name) as connection:
        connection.add_on_connection_blocked_callback(lambda _, frame: events.append(frame.method.reason))
        connection.add_on_connection_unblocked_callback(lambda *_: events.append("unblocked"))
        channel = connection.channel()
        channel.queue_declare("queue")
        began = time.monotonic()
        rabbitmq.server.raise_memory_alarm()
        raised = time.monotonic()
        channel.basic_publish("", "queue", b"waits")

        def next_event(count):
            connection.process_data_events(0.05)
            return len(events) == count
        wait_until(lambda: next_event(1), 10)
        blocked = time.monotonic()
        with rabbitmq.server.connect(rabbitmq.name) as other:
            assert other.channel().queue_declare("queue", passive=True).method.message_count == 0
        rabbitmq.server.lift_memory_alarm()
        wait_until(lambda: next_event(2), 10)
        assert events == ["low on memory", "unblocked"]
        wait_until(lambda: channel.queue_declare("queue", passive=True).method.message_count == 1, 10)
    measured(f"alarm raised in {raised - began:.3f} s, blocked {blocked - raised:.3f} s after it")


def test_a_virtual_host_is_empty_and_gone_afterwards(rabbitmq):
    with rabbitmq.server.virtual_host() as name:
        with rabbitmq.server.connect(name) as connection:
            connection.channel().queue_declare("queue")
    with pytest.raises(pika.exceptions.ProbableAccessDeniedError, match="vhost"):
        rabbitmq.server.connect(name)


# MARK: ClickHouse


@pytest.fixture(params=["clickhouse", "clickhouse_engine"])
def either(request):
    """A database of the real server, and of the engine."""
    return request.getfixturevalue(request.param)


def test_clickhouse_answers_with_rows_and_with_its_own_errors(either):
    server, database = either
    server.query("CREATE TABLE events (n UInt64, text String) ENGINE = MergeTree ORDER BY n", database=database)
    server.query("INSERT INTO events FORMAT JSONEachRow", b'{"n":18446744073709551615,"text":"\xc3\xb1"}\n\n{"n":1,"text":";"}\n', database=database)
    server.query("INSERT INTO events (n) VALUES", b"(2), (3)", database=database)
    server.query("INSERT INTO events FORMAT TabSeparated\n4\ta;\n", database=database)
    server.query("INSERT INTO events (n) FORMAT RowBinary", struct.pack("<Q", 2 ** 63), database=database)
    rows = server.rows("SELECT * FROM events ORDER BY n", database=database)
    assert [row["n"] for row in rows] == [1, 2, 3, 4, 2 ** 63, 2 ** 64 - 1] and [row["text"] for row in rows] == [";", "", "", "a;", "", "ñ"]
    for sql, code, status in [("SELECT nothing", 47, 404), ("SELECT 1 FROM nowhere", 60, 404), ("SELEKT 1 2", 62, 400),
                              ("INSERT INTO events FORMAT TabSeparated\nx\ty\n", 27, 400)]:
        with pytest.raises(ClickHouseError) as error:
            server.query(sql, database=database)
        # The old server has 500 for what it cannot parse of the data.
        assert (error.value.code, error.value.status) in [(code, status), (27, 500)]
    with pytest.raises(ClickHouseError, match="DB::Exception: Database nowhere does"):
        server.query("SELECT 1", database="nowhere")
    with pytest.raises(ClickHouseError, match="DB::Exception: Unknown setting"):
        server.query("SELECT 1", no_setting=1)
    # A request by GET changes nothing.
    login = {"X-ClickHouse-User": server.user, "X-ClickHouse-Key": server.password}
    status, _, body = server.request("GET", f"/?database={database}&query=TRUNCATE+TABLE+events", headers=login)
    assert status == 500 and body.startswith(b"Code: 164")
    assert server.query("SELECT count() FROM events", database=database) == "6\n"


def test_clickhouse_takes_compressed_bodies(either):
    server, database = either
    server.query("CREATE TABLE events (n UInt64) ENGINE = MergeTree ORDER BY n", database=database)
    insert, data = "INSERT INTO events FORMAT TabSeparated", b"".join(b"%d\n" % n for n in range(200_000))
    server.query(insert, gzip.compress(data, mtime=0), {"Content-Encoding": "gzip"}, database=database)
    # Blocks as the real server itself writes them, several in a row.
    login = {"X-ClickHouse-User": server.user, "X-ClickHouse-Key": server.password}
    if isinstance(server, ClickHouseServer):
        status, _, blocks = server.request("GET", f"/?database={database}&compress=1&query=SELECT+n+FROM+events+ORDER+BY+n", headers=login)
        assert status == 200
    else:
        blocks = b"".join(native_block(data[begin:begin + 65536]) for begin in range(0, len(data), 65536))
        server.query(insert, lz4.frame.compress(data), {"Content-Encoding": "lz4"}, database=database)
    server.query(insert, blocks, database=database, decompress=1)
    copies = 2 if isinstance(server, ClickHouseServer) else 3
    assert server.query("SELECT count(), uniqExact(n) FROM events", database=database) == f"{200_000 * copies}\t200000\n"


def native_block(data):
    compressed = lz4.block.compress(data, store_size=False)
    return bytes(16) + struct.pack("<BII", 0x82, len(compressed) + 9, len(data)) + compressed


def test_the_engine_reads_the_blocks_that_the_real_server_writes(clickhouse, clickhouse_engine):
    login = {"X-ClickHouse-User": clickhouse.server.user, "X-ClickHouse-Key": clickhouse.server.password}
    _, _, blocks = clickhouse.server.request("GET", "/?compress=1&query=SELECT+number+FROM+numbers(500000)", headers=login)
    assert blocks[16] == 0x82 and len(blocks) > 25 + struct.unpack_from("<I", blocks, 17)[0]
    server, database = clickhouse_engine
    server.query("CREATE TABLE events (n UInt64) ENGINE = MergeTree ORDER BY n", database=database)
    server.query("INSERT INTO events FORMAT TabSeparated", blocks, database=database, decompress=1)
    assert server.query("SELECT count(), sum(n), max(n) FROM events", database=database) == "500000\t124999750000\t499999\n"


@pytest.mark.parametrize("body,headers,parameters,code,status", [
    (gzip.compress(b"1\n", mtime=0)[:-1], {"Content-Encoding": "gzip"}, {}, 354, 500),
    (lz4.frame.compress(b"1\n")[:-1], {"Content-Encoding": "lz4"}, {}, 617, 500),
    (b"1\n", {"Content-Encoding": "br"}, {}, 48, 501),
    (native_block(b"1\n")[:-1], {}, {"decompress": 1}, 33, 500),
    (native_block(b"1\n") + bytes(20), {}, {"decompress": 1}, 33, 500),
    (native_block(b"1\n").replace(b"\x82", b"\x99"), {}, {"decompress": 1}, 89, 500),
])
def test_the_engine_refuses_bodies_that_it_cannot_decode(clickhouse_engine, body, headers, parameters, code, status):
    server, database = clickhouse_engine
    server.query("CREATE TABLE events (n UInt64) ENGINE = MergeTree ORDER BY n", database=database)
    with pytest.raises(ClickHouseError) as error:
        server.query("INSERT INTO events FORMAT TabSeparated", body, headers, database=database, **parameters)
    assert (error.value.code, error.value.status) == (code, status)
    assert server.query("SELECT count() FROM events", database=database) == "0\n"


def test_the_engine_has_what_tables_of_today_need(clickhouse_engine):
    server, database = clickhouse_engine
    assert server.query("SELECT version()").startswith("26.9.")
    server.query("CREATE TABLE events (at DateTime64(3), name LowCardinality(String), tags Map(String, String) CODEC(ZSTD)) ENGINE = MergeTree "
                 "ORDER BY at SETTINGS non_replicated_deduplication_window = 100", database=database)
    insert = "INSERT INTO events FORMAT JSONEachRow"
    row = b'{"at":"2024-01-02 03:04:05.678","name":"view","tags":{"a":"b"},"more":1}\n'
    with pytest.raises(ClickHouseError, match="Unknown field"):
        server.query(insert, row, database=database, input_format_skip_unknown_fields=0)
    for _ in range(2):
        # The same batch again, as after a reply that was lost: the token is what the engine goes by.
        server.query(insert, row, database=database, input_format_skip_unknown_fields=1, insert_deduplication_token="it's 1")
    server.query(insert, row, database=database, input_format_skip_unknown_fields=1, insert_deduplication_token="it's 2",
                 async_insert=1, wait_for_async_insert=1)
    assert server.rows("SELECT * FROM events", database=database) == 2 * [{"at": "2024-01-02 03:04:05.678", "name": "view", "tags": {"a": "b"}}]
    # A large insert is one part, as in the server.
    server.query("INSERT INTO events (name) FORMAT TabSeparated", b"view\n" * 300_000, database=database)
    parts = server.rows(f"SELECT rows FROM system.parts WHERE database = '{database}' AND active ORDER BY rows")
    assert parts[-1] == {"rows": 300_000}


def test_the_engine_does_nothing_for_a_client_that_is_gone_within_its_request(clickhouse_engine):
    server, database = clickhouse_engine
    server.query("CREATE TABLE events (n UInt64) ENGINE = MergeTree ORDER BY n", database=database)
    head = f"POST /?database={database}&query=INSERT+INTO+events+FORMAT+TabSeparated HTTP/1.1\r\nHost: here\r\n"
    for request in (head + "Content-Length: 9\r\n\r\n1\n2\n", head + "Transfer-Encoding: chunked\r\n\r\n4\r\n1\n2\n\r\n"):
        with socket.create_connection(("127.0.0.1", server.http_port)) as client:
            client.sendall(request.encode())
            client.shutdown(socket.SHUT_WR)
            assert client.recv(1000) == b""
    assert server.query("SELECT count() FROM events", database=database) == "0\n"
    with socket.create_connection(("127.0.0.1", server.http_port)) as client:
        client.sendall((head + "Transfer-Encoding: chunked\r\n\r\n2\r\n1\n\r\n2\r\n2\n\r\n0\r\n\r\n").encode())
        assert client.recv(1000).startswith(b"HTTP/1.1 200 ")
    assert server.query("SELECT count() FROM events", database=database) == "2\n"


# MARK: Kafka


def produced(cluster, topic, records, **settings):
    """The error of each, None for those that were acknowledged."""
    errors = []
    producer = confluent_kafka.Producer({"bootstrap.servers": cluster.bootstrap, "linger.ms": 0, **settings})
    for partition, key, value in records:
        producer.produce(topic, value, key, partition, on_delivery=lambda error, _: errors.append(error), timestamp=1_700_000_000_000, headers={"h": b"\xff"})
    producer.flush(20)
    return errors


def test_kafka_gives_back_what_was_produced(kafka):
    topic = kafka.new_topic(3)
    assert produced(kafka, topic, [(n % 2, b"k%d" % n, b"v%d" % n) for n in range(10)]) == [None] * 10
    records = kafka.records(topic)
    assert [(r.partition, r.offset, r.key, r.value) for r in records] == [(p, o, b"k%d" % (2 * o + p), b"v%d" % (2 * o + p)) for p in (0, 1) for o in range(5)]
    assert {r.timestamp for r in records} == {1_700_000_000_000} and records[0].headers == {"h": b"\xff"}
    assert kafka.records(kafka.new_topic()) == []
    with pytest.raises(RuntimeError, match="TOPIC_ALREADY_EXISTS"):
        kafka.create_topic(topic, 3)


def test_kafka_fails_as_it_is_told(kafka):
    topic = kafka.new_topic(3)
    kafka.fail_requests(PRODUCE, [NOT_LEADER, DISCONNECT])
    assert produced(kafka, topic, [(0, b"k", b"after two failures")]) == [None]
    for broker in kafka.ports:
        kafka.broker_down(broker)
    assert all(map(is_refused, kafka.ports.values()))
    [error] = produced(kafka, topic, [(0, b"k", b"nobody is there")], **{"message.timeout.ms": 300})
    assert error.name() in ("_MSG_TIMED_OUT", "_ALL_BROKERS_DOWN")
    kafka.heal()
    assert [record.value for record in kafka.records(topic)] == [b"after two failures"]


def test_kafka_is_paused_killed_and_started(tmp_path):
    with KafkaCluster(tmp_path / "kafka") as cluster:
        topic = cluster.new_topic()
        cluster.pause()
        [error] = produced(cluster, topic, [(0, b"k", b"v")], **{"message.timeout.ms": 300})
        assert error.name() == "_MSG_TIMED_OUT"
        cluster.go_on()
        before = cluster.ports
        assert cluster.kill() == -signal.SIGKILL
        assert all(map(is_refused, before.values()))
        cluster.start()
        # It is another cluster.
        assert topic not in confluent_kafka.admin.AdminClient({"bootstrap.servers": cluster.bootstrap}).list_topics(timeout=10).topics
        cluster.stop()
        cluster.start()
        assert cluster.ports != before
    assert not processes_of(tmp_path)
