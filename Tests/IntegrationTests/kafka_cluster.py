"""A Kafka cluster for the tests: librdkafka's mock, as no real broker can be installed. It keeps what it got in memory."""
import json
import os
import pathlib
import subprocess
import sys
import time
import typing
import uuid

import confluent_kafka

from child_server import ChildServer

MOCK = pathlib.Path(__file__).resolve().parent / "kafka_mock.py"
READ_SECONDS_MAX = 60
# Kafka's kinds of requests (ApiKey) and errors that tests speak of. DISCONNECT is librdkafka's own: instead of an answer the connection ends.
PRODUCE, LIST_OFFSETS, METADATA = 0, 2, 3
DISCONNECT, NOT_LEADER, REQUEST_TIMED_OUT, MESSAGE_TOO_LARGE, NOT_ENOUGH_REPLICAS, TOPIC_AUTHORIZATION_FAILED = -195, 6, 7, 10, 19, 29
# The broker has lost what it knew of an idempotent producer, which ends that producer.
OUT_OF_ORDER_SEQUENCE = 45


class Record(typing.NamedTuple):
    partition: int
    offset: int
    timestamp: int
    key: bytes
    value: bytes
    headers: dict


class KafkaCluster(ChildServer):
    """`bootstrap` is for clients. A SIGKILL loses all records, and the next start has other ports: it stands for a cluster that is gone.

    A broker that comes back with its records is `broker_down` and `broker_up`. A partition keeps its last 5 MiB; older records are
    dropped as by retention. Topics that a client asks for are made, with 4 partitions.
    """

    def __init__(self, folder, broker_count=3):
        super().__init__(folder)
        self.broker_count = broker_count

    def command(self):
        return [sys.executable, MOCK, self.broker_count], None

    def spawn(self):
        super().spawn(stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.answers = b""

    def is_ready(self):
        answer = self.next_answer()
        if answer:
            self.bootstrap = answer["bootstrap"]
            self.ports = {number: int(address.rsplit(":", 1)[1]) for number, address in enumerate(self.bootstrap.split(","), 1)}
        return bool(answer)

    def next_answer(self):
        """None when there is none yet."""
        self.answers += self.process.stdout.read() or b""
        line, end, rest = self.answers.partition(b"\n")
        if not end:
            return None
        self.answers = rest
        return json.loads(line)

    def call(self, function, *arguments):
        """Has the mock do something. It must not be paused."""
        self.process.stdin.write(json.dumps([function, *arguments]).encode() + b"\n")
        self.process.stdin.flush()
        deadline = time.monotonic() + 10
        while not (answer := self.next_answer()):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the mock did not answer {function}:\n{self.log_tail()}")
            time.sleep(0.001)
        if "error" in answer:
            raise RuntimeError(f"{function}{arguments}: {answer['error']}")

    # MARK: What is in it

    def create_topic(self, topic, partition_count):
        self.call("create_topic", topic, partition_count, min(3, self.broker_count))

    def new_topic(self, partition_count=1):
        """One that no other test has."""
        topic = f"test-{uuid.uuid4().hex}"
        self.create_topic(topic, partition_count)
        return topic

    def records(self, topic):
        """Everything that is in the topic now, by partition and offset."""
        consumer = confluent_kafka.Consumer({
            "bootstrap.servers": self.bootstrap, "group.id": uuid.uuid4().hex, "enable.auto.commit": False,
            "allow.auto.create.topics": False, "fetch.wait.max.ms": 10, "check.crcs": True})
        try:
            return sorted(self.read(consumer, topic))
        finally:
            consumer.close()

    def read(self, consumer, topic):
        metadata = consumer.list_topics(topic, timeout=10).topics[topic]
        if metadata.error:
            raise confluent_kafka.KafkaException(metadata.error)
        ends, beginnings = {}, []
        for number in metadata.partitions:
            first, end = consumer.get_watermark_offsets(confluent_kafka.TopicPartition(topic, number), timeout=10)
            if first < end:
                ends[number] = end
                beginnings.append(confluent_kafka.TopicPartition(topic, number, first))
        consumer.assign(beginnings)
        deadline = time.monotonic() + READ_SECONDS_MAX
        while ends:
            for message in consumer.consume(1000, 0.1):
                if message.error():
                    raise confluent_kafka.KafkaException(message.error())
                number = message.partition()
                if number in ends:
                    yield Record(number, message.offset(), message.timestamp()[1], message.key(), message.value(), dict(message.headers() or []))
                    if message.offset() + 1 >= ends[number]:
                        del ends[number]
            if time.monotonic() > deadline:
                raise TimeoutError(f"{topic} was not read within {READ_SECONDS_MAX} s")

    # MARK: What goes wrong in it

    def broker_down(self, broker):
        """Its connections end, and new ones are refused. Its partitions keep it as their leader."""
        self.call("broker_down", broker)

    def broker_up(self, broker):
        """At the same port, with its records."""
        self.call("broker_up", broker)

    def set_leader(self, topic, partition, broker):
        """-1: there is none."""
        self.call("set_leader", topic, partition, broker)

    def fail_requests(self, kind, errors):
        """The next requests of this kind, to any broker, are not carried out, but answered with these errors, one after the other."""
        self.call("fail_requests", kind, errors)

    def delay_answers(self, kind, seconds, count):
        """So many of the next requests of this kind, to each broker, are carried out and answered so much later."""
        for broker in self.ports:
            self.call("delay_answers", broker, kind, int(seconds * 1000), count)

    def advertise(self, broker, port):
        """From now on clients are told that the broker is at this port of 127.0.0.1: that of a ChaosProxy in front of it."""
        self.call("advertise", broker, "127.0.0.1", port)

    def heal(self):
        """All brokers are up, at their own ports, and no failure waits for its request."""
        for broker, port in self.ports.items():
            self.advertise(broker, port)
            self.broker_up(broker)
        for kind in (PRODUCE, METADATA):
            self.call("clear_failures", kind)
        return self
