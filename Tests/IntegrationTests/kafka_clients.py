"""Kafka's clients, each behind the same few calls: kcat (librdkafka of Debian), confluent-kafka (librdkafka of today), kafka-python and aiokafka.

A record is (key, value), bytes both. Every call ends within `SECONDS_MAX`.
"""
import asyncio
import json
import subprocess
import sys
import time

import confluent_kafka
import kafka
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka import TopicPartition as AIOTopicPartition

SECONDS_MAX = 60
CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]


class Access:
    """Where the broker is, and how a client gets in."""

    def __init__(self, bootstrap, user=None, password=None, authority=None):
        self.bootstrap, self.user, self.password, self.authority = bootstrap, user, password, authority

    @property
    def protocol(self):
        return f"{'SASL_' if self.user else ''}{'SSL' if self.authority else 'PLAINTEXT'}"

    def librdkafka(self, produces=False):
        settings = {"bootstrap.servers": self.bootstrap, "security.protocol": self.protocol}
        if produces:
            settings["partitioner"] = "murmur2_random"
        if self.user:
            settings |= {"sasl.mechanism": "PLAIN", "sasl.username": self.user, "sasl.password": self.password}
        if self.authority:
            settings |= {"ssl.ca.location": str(self.authority)}
        return settings

    def python(self):
        settings = {"bootstrap_servers": self.bootstrap, "security_protocol": self.protocol}
        if self.user:
            settings |= {"sasl_mechanism": "PLAIN", "sasl_plain_username": self.user, "sasl_plain_password": self.password}
        return settings


class Kcat:
    name = "kcat"

    def __init__(self, access):
        self.access = access

    def run(self, *arguments, input=None):
        produces = arguments[0] == "-P"
        settings = [part for name, value in self.access.librdkafka(produces).items() if name != "bootstrap.servers" for part in ("-X", f"{name}={value}")]
        result = subprocess.run(["kcat", *arguments, "-b", self.access.bootstrap, *settings], input=input, capture_output=True, timeout=SECONDS_MAX)
        if result.returncode:
            raise RuntimeError(result.stderr.decode(errors="replace"))
        return result.stdout

    def produce(self, topic, records, codec="none", idempotent=False):
        """kcat reads the records from lines, so the bytes that it splits at must not be in them."""
        lines = b"".join(key + b"\x1d" + value + b"\x1e" for key, value in records)
        self.run("-P", "-t", topic, "-z", codec, "-K", "\x1d", "-D", "\x1e", *(["-X", "enable.idempotence=true"] if idempotent else []), input=lines)

    def consume(self, topic, partition, offset, count):
        lines = self.run("-C", "-q", "-t", topic, "-p", str(partition), "-o", str(offset), "-c", str(count), "-f", "%o\x1d%k\x1d%s\x1e")
        parts = [line.split(b"\x1d") for line in lines.split(b"\x1e")[:-1]]
        return [(int(offset), key, value) for offset, key, value in parts]

    def offset_at(self, topic, partition, milliseconds):
        answer = self.run("-Q", "-t", f"{topic}:{partition}:{milliseconds}").decode()
        return int(answer.split("offset")[1].split()[0])


class Confluent:
    name = "confluent-kafka"

    def __init__(self, access):
        self.access = access

    def produce(self, topic, records, codec="none", idempotent=False):
        producer = confluent_kafka.Producer(self.access.librdkafka(produces=True) | {"compression.type": codec, "enable.idempotence": idempotent, "linger.ms": 20})
        failures = []
        for key, value in records:
            producer.produce(topic, value, key, on_delivery=lambda error, _: failures.append(error) if error else None)
            producer.poll(0)
        assert producer.flush(SECONDS_MAX) == 0 and not failures, failures

    def consumer(self, **settings):
        return confluent_kafka.Consumer(self.access.librdkafka() | {"group.id": "nobody", "enable.auto.commit": False, "fetch.wait.max.ms": 50} | settings)

    def consume(self, topic, partition, offset, count):
        consumer = self.consumer()
        try:
            consumer.assign([confluent_kafka.TopicPartition(topic, partition, offset)])
            found = []
            while len(found) < count:
                messages = consumer.consume(count - len(found), SECONDS_MAX)
                assert messages, f"{len(found)} of {count} records came"
                for message in messages:
                    assert not message.error(), message.error()
                    found.append((message.offset(), message.key() or b"", message.value()))
            return found
        finally:
            consumer.close()

    def offset_at(self, topic, partition, milliseconds):
        consumer = self.consumer()
        try:
            [found] = consumer.offsets_for_times([confluent_kafka.TopicPartition(topic, partition, milliseconds)], SECONDS_MAX)
            assert not found.error
            return found.offset
        finally:
            consumer.close()


class KafkaPython:
    name = "kafka-python"

    def __init__(self, access):
        self.access = access

    def settings(self):
        settings = self.access.python()
        return settings | {"ssl_cafile": str(self.access.authority)} if self.access.authority else settings

    def produce(self, topic, records, codec="none", idempotent=False):
        producer = kafka.KafkaProducer(**self.settings(), compression_type=None if codec == "none" else codec, enable_idempotence=idempotent, acks="all", linger_ms=20)
        try:
            sent = [producer.send(topic, value, key) for key, value in records]
            for future in sent:
                future.get(SECONDS_MAX)
        finally:
            producer.close(SECONDS_MAX)

    def consume(self, topic, partition, offset, count):
        consumer = kafka.KafkaConsumer(**self.settings(), enable_auto_commit=False, consumer_timeout_ms=1000 * SECONDS_MAX)
        try:
            place = kafka.TopicPartition(topic, partition)
            consumer.assign([place])
            consumer.seek(place, offset)
            found = []
            while len(found) < count:
                message = next(consumer)
                found.append((message.offset, message.key or b"", message.value))
            return found
        finally:
            consumer.close()

    def offset_at(self, topic, partition, milliseconds):
        consumer = kafka.KafkaConsumer(**self.settings())
        try:
            place = kafka.TopicPartition(topic, partition)
            found = consumer.offsets_for_times({place: milliseconds})[place]
            return found.offset if found else -1
        finally:
            consumer.close()


class AIOKafka:
    name = "aiokafka"

    def __init__(self, access):
        self.access = access

    def settings(self):
        settings = self.access.python()
        if self.access.authority:
            import ssl
            settings["ssl_context"] = ssl.create_default_context(cafile=str(self.access.authority))
        return settings

    def produce(self, topic, records, codec="none", idempotent=False):
        async def produce():
            producer = AIOKafkaProducer(**self.settings(), compression_type=None if codec == "none" else codec, enable_idempotence=idempotent, acks="all", linger_ms=20)
            await producer.start()
            try:
                for sent in [await producer.send(topic, value, key) for key, value in records]:
                    await sent
            finally:
                await producer.stop()
        asyncio.run(asyncio.wait_for(produce(), SECONDS_MAX))

    def consume(self, topic, partition, offset, count):
        async def consume():
            consumer = AIOKafkaConsumer(**self.settings(), enable_auto_commit=False)
            await consumer.start()
            try:
                place = AIOTopicPartition(topic, partition)
                consumer.assign([place])
                consumer.seek(place, offset)
                found = []
                while len(found) < count:
                    message = await consumer.getone()
                    found.append((message.offset, message.key or b"", message.value))
                return found
            finally:
                await consumer.stop()
        return asyncio.run(asyncio.wait_for(consume(), SECONDS_MAX))

    def offset_at(self, topic, partition, milliseconds):
        async def ask():
            consumer = AIOKafkaConsumer(**self.settings())
            await consumer.start()
            try:
                place = AIOTopicPartition(topic, partition)
                found = (await consumer.offsets_for_times({place: milliseconds}))[place]
                return found.offset if found else -1
            finally:
                await consumer.stop()
        return asyncio.run(asyncio.wait_for(ask(), SECONDS_MAX))


CLIENTS = {client.name: client for client in (Kcat, Confluent, KafkaPython, AIOKafka)}


class Member:
    """A member of a group as a process of its own, so that it can be killed. It writes a line for each record to a file, and commits what it has written.

    `kafka_clients.py CLIENT BOOTSTRAP USER PASSWORD GROUP TOPIC FILE`
    """

    def __init__(self, client, access, group, topic, path, session_milliseconds=2000):
        self.path = path
        command = [sys.executable, __file__, client, access.bootstrap, access.user or "", access.password or "", group, topic, str(path), str(session_milliseconds)]
        self.process = subprocess.Popen(command, stderr=open(f"{path}.err", "wb"))

    def records(self):
        """(partition, offset, value) of all that it has written whole."""
        text = self.path.read_bytes() if self.path.exists() else b""
        return [(partition, offset, bytes.fromhex(value)) for partition, offset, value in map(json.loads, text.split(b"\n")[:-1])]

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        self.process.wait(SECONDS_MAX)


class Sender:
    """An idempotent producer as a process of its own: it sends the numbers below `count`, about 1,000 a second, and ends when all are acknowledged."""

    def __init__(self, client, access, topic, count):
        command = [sys.executable, __file__, "send", client, access.bootstrap, topic, str(count)]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)

    def ended(self):
        self.text = self.process.communicate(timeout=2 * SECONDS_MAX)[1]
        return self.process.returncode

    def errors(self):
        return self.text[-2000:]


def send(client, bootstrap, topic, count):
    access = Access(bootstrap)
    numbers = range(int(count))

    def paced():
        begun = time.monotonic()
        for number in numbers:
            time.sleep(max(0, begun + number / 1000 - time.monotonic()))
            yield number

    if client == "confluent-kafka":
        failures = []
        producer = confluent_kafka.Producer(access.librdkafka(produces=True) | {"enable.idempotence": True, "linger.ms": 2})
        for number in paced():
            producer.produce(topic, b"%d" % number, on_delivery=lambda error, _: failures.append(error) if error else None)
            producer.poll(0)
        assert producer.flush(SECONDS_MAX) == 0 and not failures, failures
    elif client == "kafka-python":
        producer = kafka.KafkaProducer(**access.python(), enable_idempotence=True, linger_ms=2)
        sent = [producer.send(topic, b"%d" % number) for number in paced()]
        for future in sent:
            future.get(SECONDS_MAX)
        producer.close()
    else:
        async def run():
            producer = AIOKafkaProducer(**access.python(), enable_idempotence=True, linger_ms=2, request_timeout_ms=60000)
            await producer.start()
            sent, begun = [], time.monotonic()
            for number in numbers:
                await asyncio.sleep(max(0, begun + number / 1000 - time.monotonic()))
                sent.append(await producer.send(topic, b"%d" % number))
            for future in sent:
                await future
            await producer.stop()
        asyncio.run(run())


def be_member(client, bootstrap, user, password, group, topic, path, session_milliseconds):
    import signal
    access = Access(bootstrap, user or None, password or None)
    state = {"ends": False}
    signal.signal(signal.SIGTERM, lambda *_: state.update(ends=True))
    file = open(path, "ab", buffering=0)
    session = int(session_milliseconds)

    def keep(partition, offset, value):
        file.write(json.dumps([partition, offset, value.hex()]).encode() + b"\n")

    if client == "kcat":
        settings = [part for name, value in access.librdkafka().items() if name != "bootstrap.servers" for part in ("-X", f"{name}={value}")]
        process = subprocess.Popen(
            ["kcat", "-b", bootstrap, *settings, "-X", f"session.timeout.ms={session}", "-X", f"heartbeat.interval.ms={session // 6}", "-X", "auto.offset.reset=earliest",
             "-X", "auto.commit.interval.ms=200", "-u", "-q", "-f", "%p %o %s\n", "-G", group, topic],
            stdout=subprocess.PIPE, preexec_fn=die_with_parent)
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        for line in process.stdout:
            partition, offset, value = line[:-1].split(b" ", 2)
            keep(int(partition), int(offset), value)
        process.wait()
    elif client == "confluent-kafka":
        consumer = confluent_kafka.Consumer(access.librdkafka() | {
            "group.id": group, "session.timeout.ms": session, "heartbeat.interval.ms": session // 6, "auto.offset.reset": "earliest", "enable.auto.commit": False})
        consumer.subscribe([topic])
        while not state["ends"]:
            for message in consumer.consume(100, 0.1):
                assert not message.error(), message.error()
                keep(message.partition(), message.offset(), message.value())
            try:
                consumer.commit(asynchronous=False)
            except confluent_kafka.KafkaException:
                pass
        consumer.close()
    elif client == "kafka-python":
        consumer = kafka.KafkaConsumer(
            topic, **access.python(), group_id=group, session_timeout_ms=session, heartbeat_interval_ms=session // 6,
            auto_offset_reset="earliest", enable_auto_commit=False)
        while not state["ends"]:
            for records in consumer.poll(100).values():
                for message in records:
                    keep(message.partition, message.offset, message.value)
            try:
                consumer.commit()
            except kafka.errors.KafkaError:
                pass
        consumer.close()
    else:
        async def run():
            consumer = AIOKafkaConsumer(
                topic, **access.python(), group_id=group, session_timeout_ms=session, heartbeat_interval_ms=session // 6,
                auto_offset_reset="earliest", enable_auto_commit=False)
            await consumer.start()
            while not state["ends"]:
                for records in (await consumer.getmany(timeout_ms=100)).values():
                    for message in records:
                        keep(message.partition, message.offset, message.value)
                try:
                    await consumer.commit()
                except Exception as error:
                    print(error, file=sys.stderr)
            await consumer.stop()
        asyncio.run(run())


def die_with_parent():
    import ctypes
    import signal
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


if __name__ == "__main__":
    if sys.argv[1] == "send":
        send(*sys.argv[2:])
    else:
        be_member(*sys.argv[1:])
