"""Damage in the files: what the service and the commands say of it, and who can still read the rest."""
import json
import os
import re

import confluent_kafka
import pytest
from kafka.record import MemoryRecords

import kafka_wire
from service import Service, run

COUNT = 9


def batches(path):
    """The position, length and base offset of each batch in a file."""
    data, place, found = path.read_bytes(), 0, []
    while place < len(data):
        size = 12 + int.from_bytes(data[place + 8:place + 12], "big")
        found.append((place, size, int.from_bytes(data[place:place + 8], "big")))
        place += size
    return found


@pytest.fixture
def filled(tmp_path):
    """A stopped service with nine batches of one event in one partition; the partition's `.log`."""
    service = Service(tmp_path / "data", {"LOG_LINGER": "0"}).start()
    for number in range(COUNT):
        assert service.post("/api/events", {"event": "a", "userId": "same", "messageId": f"m-{number}"}).status == 202
    service.stop()
    path = next(p for p in service.data_dir.glob("log/okla.events.raw-*/*.log") if p.stat().st_size)
    assert len(batches(path)) == COUNT
    return service, path


def flip(path, byte):
    data = bytearray(path.read_bytes())
    data[byte] ^= 4
    path.write_bytes(data)
    return bytes(data)


def test_a_start_after_a_crash_sets_damage_aside_tells_it_and_serves_the_rest(filled):
    service, path = filled
    partition = path.parent.name
    start, size, _ = batches(path)[4]
    damaged = flip(path, start + 80)
    (service.data_dir / "log" / "recovery-point-offset-checkpoint").unlink()
    service.start()
    ready = service.request("GET", "/health/ready")
    assert ready.status == 200
    told = next(p for p in ready.json["partitions"] if p["partition"] == partition)
    assert told["state"] == "open" and "the records of offsets 4 to 4 are lost" in told["message"]
    kept = path.with_name(f"{path.stem}.damaged-{start}")
    assert str(kept) in told["message"] and kept.read_bytes() == damaged[start:start + size]
    topics = run("log", "topics", "--data-dir", service.data_dir).stdout
    row = next(line.split() for line in topics.splitlines() if line.startswith("okla.events.raw") and line.split()[5] == str(COUNT))
    assert row[7:] == ["1", "damaged"]
    assert f"{partition}: damaged: " in topics and "log repair" in topics
    assert f'log_lost_records{{topic="okla.events.raw",partition="{partition.rsplit("-", 1)[1]}"}} 1' in service.request(
        "GET", "/metrics").body.decode()
    assert [r["offset"] for r in service.records()] == [0, 1, 2, 3, 5, 6, 7, 8]
    again = [service.post("/api/events", {"event": "a", "userId": "same", "messageId": f"m-{n}"}).json for n in range(COUNT)]
    assert [a["accepted"] for a in again] == [1 if n == 4 else 0 for n in range(COUNT)], "what is lost can be sent again"
    service.stop()
    assert run("log", "verify", "--data-dir", service.data_dir).returncode == 0


def test_repair_makes_a_file_that_kafkas_readers_read(filled):
    service, path = filled
    start, size, _ = batches(path)[4]
    flip(path, start + 80)
    dump = run("log", "dump", "--data-dir", service.data_dir)
    assert [json.loads(line)["offset"] for line in dump.stdout.splitlines()] == [0, 1, 2, 3, 5, 6, 7, 8]
    assert "offsets 4 to 4 are lost: CRC-32C is" in dump.stderr
    assert run("log", "verify", "--data-dir", service.data_dir).returncode == 1
    repaired = run("log", "repair", "--data-dir", service.data_dir)
    assert repaired.returncode == 0, repaired.stdout + repaired.stderr
    assert "the records of offsets 4 to 4 are lost" in repaired.stdout and "1 places repaired, 1 records lost" in repaired.stdout
    verified = run("log", "verify", "--data-dir", service.data_dir)
    assert verified.returncode == 0 and "offsets 4 to 4 were lost" in verified.stdout
    assert batches(path)[4][1:] == (size, 4) and len(batches(path)) == COUNT, "nothing moves"

    reader, seen = MemoryRecords(path.read_bytes()), []
    while reader.has_next():
        batch = reader.next_batch()
        assert batch.validate_crc()
        records = list(batch)
        if not batch.is_control_batch:
            seen += [record.offset for record in records]
    assert seen == [0, 1, 2, 3, 5, 6, 7, 8]

    helper = confluent_kafka.Producer({"bootstrap.servers": "unused", "test.mock.num.brokers": 1})
    broker = next(iter(helper.list_topics(timeout=10).brokers.values()))
    address = f"{broker.host}:{broker.port}"
    helper.list_topics("ours", timeout=10)
    data = path.read_bytes()
    for place, length, _ in batches(path):
        kafka_wire.produce(address, "ours", 0, data[place:place + length])
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": address, "group.id": "g", "check.crcs": True, "auto.offset.reset": "earliest"})
    consumer.assign([confluent_kafka.TopicPartition("ours", 0, 0)])
    read = []
    for _ in range(COUNT - 1):
        message = consumer.poll(20)
        assert message is not None and message.error() is None, message and message.error()
        read.append(json.loads(message.value())["messageId"])
    consumer.close()
    assert read == [f"m-{n}" for n in range(COUNT) if n != 4]


def test_a_garbled_head_loses_nothing(filled):
    service, path = filled
    before = path.read_bytes()
    for byte in (3, 9, 13, 16):
        flip(path, batches(path)[4][0] + byte)
        dump = run("log", "dump", "--data-dir", service.data_dir)
        assert len(dump.stdout.splitlines()) == COUNT and dump.stderr == ""
        assert run("log", "repair", "--data-dir", service.data_dir).returncode == 0
        assert path.read_bytes() == before


@pytest.mark.parametrize("suffix", [".index", ".timeindex", ".ids", None])
def test_a_file_that_has_grown_without_bound_takes_no_memory(filled, suffix):
    """A terabyte, of which nothing is written: more than there is memory for."""
    service, path = filled
    big = path.with_suffix(suffix) if suffix else path.parent.parent / "recovery-point-offset-checkpoint"
    before = big.read_bytes() if big.exists() else b""
    with open(big, "ab") as file:
        file.truncate(1 << 40)
    verified = run("log", "verify", "--data-dir", service.data_dir)
    assert verified.returncode == (1 if suffix else 0), verified.stdout
    service.start()
    assert service.memory()[1] < 200
    assert [record["offset"] for record in service.records()] == list(range(COUNT))
    service.stop()
    # The journal's place in it moves with every start.
    assert without_journal(big.read_bytes()) == without_journal(before)
    assert run("log", "verify", "--data-dir", service.data_dir).returncode == 0


def without_journal(contents):
    return re.sub(rb"~journal 0 [0-9]+\n", b"", contents)


def test_meta_properties_that_is_not_whole_is_refused_and_comes_back_when_removed(filled):
    service, path = filled
    meta = service.data_dir / "log/meta.properties"
    meta.write_bytes(meta.read_bytes().replace(b"=12,identities", b"=12"))
    for command in (["serve", "--port", "0"], ["log", "verify"], ["log", "topics"]):
        refused = run(*command, "--data-dir", service.data_dir)
        assert refused.returncode == 1
        assert f"{meta}: its checksum does not match; remove the file" in refused.stderr
    meta.unlink()
    service.start()
    again = [service.post("/api/events", {"event": "a", "userId": "same", "messageId": f"m-{n}"}).json for n in range(COUNT)]
    assert [answer["duplicates"] for answer in again] == [1] * COUNT
    service.stop()
    meta.unlink()
    refused = run("serve", "--port", "0", "--data-dir", service.data_dir, env={**os.environ, "KAFKA_PARTITIONS": "10"})
    assert refused.returncode == 1 and "was made with 12 partitions, not 10" in refused.stderr


def test_repair_beside_a_running_service_leaves_what_it_writes_to(tmp_path):
    service = Service(tmp_path / "data", {"LOG_SEGMENT_BYTES": "65536", "LOG_LINGER": "0"}).start()
    import random
    noise = random.Random(1)
    for number in range(300):
        service.post("/api/events", {"event": "a", "userId": "same", "properties": {"x": noise.randbytes(400).hex()}})
    files = sorted(p for p in service.data_dir.glob("log/okla.events.raw-*/*.log") if p.stat().st_size)
    assert len(files) > 2
    flip(files[0], batches(files[0])[3][0] + 80)
    flip(files[-1], batches(files[-1])[0][0] + 80)
    result = run("log", "repair", "--data-dir", service.data_dir)
    assert f"process {service.process.pid}" in result.stderr and "stop it" in result.stderr
    assert result.returncode == 0 and "1 places repaired" in result.stdout
    assert service.post("/api/events", {"event": "a", "userId": "same"}).status == 202
    service.stop()
    assert "1 places repaired" in run("log", "repair", "--data-dir", service.data_dir).stdout
    assert run("log", "verify", "--data-dir", service.data_dir).returncode == 0
    assert len(service.records()) == 301 - 2
