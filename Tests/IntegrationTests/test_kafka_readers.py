"""Independent implementations of Kafka's format read our files as they lie on the disk."""
import json
import pathlib

import confluent_kafka
import pytest
from kafka.record import MemoryRecords

import kafka_wire
from service import Service

COUNT = 3000


@pytest.fixture(scope="module", params=["0", "20ms"], ids=["a batch for each commit", "a batch for several"])
def filled(tmp_path_factory, request):
    """A data directory with records in every partition, of several segments and batch sizes."""
    settings = {"LOG_SEGMENT_BYTES": "65536", "LOG_LINGER": request.param}
    service = Service(tmp_path_factory.mktemp("kafka") / "data", settings).start()
    number = 0
    while number < COUNT:
        size = min(COUNT - number, 1 + number % 100)
        events = [{"event": "vehicle_view", "userId": f"user-{n}", "messageId": f"m-{n}",
                   "properties": {"vehicleId": f"v-{n}", "title": "ñandú 🚗" * (n % 7)}} for n in range(number, number + size)]
        assert service.post("/api/events", events, compress="gzip").json["accepted"] == size
        number += size
    service.stop()
    return service


def segments(service):
    return sorted(pathlib.Path(service.data_dir, "log").glob("okla.events.raw-*/*.log"))


def test_kafka_python_reads_the_raw_files_with_checksums(filled):
    records = {(r["partition"], r["offset"]): r for r in filled.records()}
    found = 0
    for path in segments(filled):
        partition, expected = int(path.parent.name.rsplit("-", 1)[1]), int(path.stem)
        batches = MemoryRecords(path.read_bytes())
        while batches.has_next():
            batch = batches.next_batch()
            assert batch.validate_crc()
            for record in batch:
                ours = records[partition, record.offset]
                assert record.offset == expected
                expected += 1
                assert record.timestamp == ours["timestamp"]
                assert record.key.decode() == ours["key"]
                assert json.loads(record.value) == ours["value"]
                assert {name: value.decode() for name, value in record.headers} == ours["headers"]
                found += 1
    assert found == COUNT == len(records)


def test_the_partition_is_that_of_kafkas_default_partitioner(filled):
    from kafka.partitioner.default import murmur2
    for record in filled.records():
        assert record["partition"] == (murmur2(record["key"].encode()) & 0x7FFFFFFF) % 12


def test_librdkafka_reads_the_raw_batches(filled):
    """Our bytes, handed unchanged to librdkafka's mock broker, consumed by librdkafka with its checksum check on."""
    helper = confluent_kafka.Producer({"bootstrap.servers": "unused", "test.mock.num.brokers": 1})
    broker = next(iter(helper.list_topics(timeout=10).brokers.values()))
    address = f"{broker.host}:{broker.port}"
    helper.list_topics("ours", timeout=10)
    sent = {}
    for path in segments(filled):
        data, place = path.read_bytes(), 0
        while place < len(data):
            size = 12 + int.from_bytes(data[place + 8:place + 12], "big")
            base = kafka_wire.produce(address, "ours", 0, data[place:place + size])
            for n in range(int.from_bytes(data[place + 57:place + 61], "big")):
                sent[base + n] = (int(path.parent.name.rsplit("-", 1)[1]), int.from_bytes(data[place:place + 8], "big") + n)
            place += size
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": address, "group.id": "g", "check.crcs": True, "auto.offset.reset": "earliest"})
    consumer.assign([confluent_kafka.TopicPartition("ours", 0, 0)])
    records = {(r["partition"], r["offset"]): r for r in filled.records()}
    for _ in range(COUNT):
        message = consumer.poll(20)
        assert message is not None and message.error() is None, message and message.error()
        ours = records.pop(sent[message.offset()])
        assert message.key().decode() == ours["key"]
        assert json.loads(message.value()) == ours["value"]
        assert message.timestamp()[1] == ours["timestamp"]
        assert {name: value.decode() for name, value in message.headers()} == ours["headers"]
    consumer.close()
    assert not records


def test_indexes_lead_to_their_batches(filled):
    """Kafka's own reading of `.index` and `.timeindex`, against the batches."""
    entries = 0
    for path in segments(filled):
        base, data, index = int(path.stem), path.read_bytes(), path.with_suffix(".index").read_bytes()
        assert len(index) % 8 == 0
        for place in range(0, len(index), 8):
            offset, position = int.from_bytes(index[place:place + 4], "big"), int.from_bytes(index[place + 4:place + 8], "big")
            first = int.from_bytes(data[position:position + 8], "big")
            assert first + int.from_bytes(data[position + 23:position + 27], "big") == base + offset
            entries += 1
        times = path.with_suffix(".timeindex").read_bytes()
        found = [int.from_bytes(times[p:p + 8], "big") for p in range(0, len(times), 12)]
        assert found == sorted(set(found))
    assert entries > 10
