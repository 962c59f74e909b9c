"""Topics copied to a Kafka cluster, librdkafka's mock: each record once, whatever happens to the service.

The mock does not know sequence numbers, by which real brokers leave out what an idempotent producer repeats after a lost answer. So what ends
connections in the middle of an answer is proven here only to lose nothing and to keep the order; that nothing is doubled is proven where the
service is killed, or where the cluster answers with an error.
"""
import json
import time

import confluent_kafka
import confluent_kafka.admin
import kafka_wire
import pytest
from kafka.record import MemoryRecords

from exporters import drained, groups, lag, reason
from kafka_cluster import (
    DISCONNECT, LIST_OFFSETS, MESSAGE_TOO_LARGE, NOT_ENOUGH_REPLICAS, NOT_LEADER, OUT_OF_ORDER_SEQUENCE, PRODUCE, REQUEST_TIMED_OUT, TOPIC_AUTHORIZATION_FAILED, KafkaCluster)
from load import seeded
from marketplace import events, post
from service import Service, run, wait_until
from test_admin import TOKEN

PARTITIONS = 4
RAW, DERIVED, REJECTED = "okla.events.raw", "okla.events.derived", "okla.events.rejected"
SETTINGS = {"ADMIN_TOKEN": TOKEN, "KAFKA_PARTITIONS": str(PARTITIONS), "EVENT_TRACKING_SESSION_TIMEOUT": "1s"}
GROUP = "kafka-mirror"
LZ4 = 3
KILLS = 8


def settings(cluster, **more):
    return {**SETTINGS, "KAFKA_MIRROR_BROKERS": cluster.bootstrap, **more}


@pytest.fixture
def empty_cluster(tmp_path):
    with KafkaCluster(tmp_path / "kafka") as cluster:
        yield cluster


@pytest.fixture
def cluster(empty_cluster):
    """One with the topics, which are larger than the log's: the others' partitions stay empty."""
    for topic in (RAW, DERIVED):
        empty_cluster.create_topic(topic, PARTITIONS + 1)
    return empty_cluster


@pytest.fixture
def service(tmp_path, cluster):
    with Service(tmp_path / "data", settings(cluster)) as service:
        yield service


def in_log(service, topic=RAW):
    """What the log has of each partition, in order."""
    partitions = {}
    for record in texts(service, topic):
        partitions.setdefault(record["partition"], []).append(
            (record["timestamp"], record["key"], record["text"], record["headers"]))
    return partitions


def texts(service, topic):
    """The records with their values as they are stored, byte by byte: a dump has them so at the end of each line."""
    result = run("log", "dump", "--data-dir", service.data_dir, "--topic", topic)
    assert result.returncode == 0, result.stderr
    return [{**json.loads(line), "text": line.partition(',"value":')[2][:-1]} for line in result.stdout.splitlines()]


def in_cluster(cluster, topic=RAW):
    partitions = {}
    for record in cluster.records(topic):
        partitions.setdefault(record.partition, []).append(
            (record.timestamp, record.key.decode(), record.value.decode(), {name: value.decode() for name, value in record.headers.items()}))
    return partitions


def sessions_end(service, sent):
    count = len({event["sessionId"] for event in sent})
    wait_until(lambda: sum(record["value"]["event"] == "session.ended" for record in service.records(DERIVED)) == count)


def leader(cluster, partition):
    return confluent_kafka.admin.AdminClient({"bootstrap.servers": cluster.bootstrap}).list_topics(RAW).topics[RAW].partitions[partition].leader


def stored(cluster):
    return len(cluster.records(RAW))


def stored_past(cluster, leaders):
    """How many are stored, asked past what is in front of the brokers."""
    return sum(kafka_wire.end(f"127.0.0.1:{cluster.ports[broker]}", RAW, partition) for partition, broker in leaders.items())


def without_repetitions(records):
    """The records in the order in which each came first."""
    return list(dict.fromkeys((timestamp, key, text, *sorted(headers.items())) for timestamp, key, text, headers in records))


def test_both_topics_are_as_the_log_has_them(service, cluster):
    sent = events(seeded("mirror"), 3000)
    post(service, sent)
    sessions_end(service, sent)
    drained(service, GROUP)
    for topic in (RAW, DERIVED):
        assert in_cluster(cluster, topic) == in_log(service, topic)
    assert sum(map(len, in_cluster(cluster).values())) == 3000
    metrics = service.request("GET", "/metrics").body.decode()
    assert f'kafka_mirror_records_total{{topic="{RAW}"}} 3000\n' in metrics
    assert f'kafka_mirror_records_found_total{{topic="{RAW}"}} 0\n' in metrics
    # Compressed as it is in the log.
    batches = MemoryRecords(kafka_wire.fetch(f"127.0.0.1:{cluster.ports[leader(cluster, 0)]}", RAW, 0, 0))
    assert batches.has_next()
    while batches.has_next():
        assert batches.next_batch().compression_type == LZ4


def test_records_of_any_kind_are_copied(tmp_path, empty_cluster):
    """Long ones, odd ones, and those that were not taken, which have no key."""
    for topic in (RAW, REJECTED):
        empty_cluster.create_topic(topic, PARTITIONS)
    with Service(tmp_path / "data", settings(empty_cluster, KAFKA_MIRROR_TOPICS="rejected,events")) as service:
        service.post("/api/events", [
            {"event": "\"\\\u0001" + "🚗" * 100, "userId": "u" * 200, "messageId": "🚗" * 63, "properties": {"a": 12345678901234567890, "b": [1.0, None, "\u0000"]}},
            {"event": "x", "anonymousId": "a", "properties": {"long": "y" * 30_000}},
            {"event": "", "userId": "u"}, {"userId": 1}, {"event": "x"}])
        drained(service, GROUP)
        assert len(service.records(REJECTED)) == 3 and len(service.records()) == 2
        keys = {record.key for record in empty_cluster.records(REJECTED)}
        assert keys == {(record["key"] or "").encode() if record["key"] is not None else None for record in service.records(REJECTED)}
        assert [record.value.decode() for record in empty_cluster.records(REJECTED)] == [record["text"] for record in texts(service, REJECTED)]
        assert in_cluster(empty_cluster) == in_log(service)
        # The other one is not asked for.
        assert {group["topic"] for group in groups(service, GROUP)} == {RAW, REJECTED}


@pytest.mark.parametrize("environment, says", [
    ({"KAFKA_MIRROR_TOPICS": "okla.events.raw"}, 'KafkaMirror.Topics has "okla.events.raw"; known are events, derived, rejected'),
    ({"KAFKA_MIRROR_PROPERTIES": "sasl.mechanism=PLAIN,sasl.pasword=secret"}, 'KafkaMirror.Properties: sasl.pasword is not taken by librdkafka: No such configuration property'),
    ({"KAFKA_MIRROR_PROPERTIES": "socket.timeout.ms=secret"}, "KafkaMirror.Properties: socket.timeout.ms is not taken by librdkafka"),
    ({"KAFKA_MIRROR_PROPERTIES": "linger.ms=1,secret"}, "KafkaMirror.Properties has no = in its entry 2"),
    ({"KAFKA_MIRROR_PROPERTIES": "acks=1"}, "KafkaMirror.Properties has acks, which is the mirror's own"),
    ({"KAFKA_MIRROR_PROPERTIES": "bootstrap.servers=x"}, "the brokers are KafkaMirror.Brokers"),
])
def test_what_cannot_be_used_ends_the_start(tmp_path, environment, says):
    result = run("serve", "--data-dir", tmp_path / "data", env={"PATH": "", "KAFKA_MIRROR_BROKERS": "127.0.0.1:1", **environment})
    assert result.returncode == 1 and says in result.stderr, result.stderr
    assert "secret" not in result.stderr.replace("sasl.pasword=secret", "")


# MARK: What the cluster may do

def test_topics_that_are_missing_or_too_small_are_told(tmp_path, empty_cluster):
    empty_cluster.create_topic(DERIVED, PARTITIONS - 1)
    with Service(tmp_path / "data", settings(empty_cluster)) as service:
        post(service, events(seeded("mirror"), 100))
        reason(service, GROUP, f"the Kafka cluster has no topic {RAW}; it must have 4 of them, or more")
        reason(service, GROUP, f"the Kafka cluster has 3 partitions of {DERIVED}; it must have 4 of them, or more")
        # It was not made by being asked for.
        empty_cluster.create_topic(RAW, PARTITIONS)
        wait_until(lambda: sum(map(len, in_cluster(empty_cluster).values())) == 100)


def test_what_is_answered_with_an_error_comes_once(service, cluster):
    sent = events(seeded("mirror"), 2000)
    for start in range(0, 2000, 400):
        cluster.fail_requests(PRODUCE, [NOT_LEADER, REQUEST_TIMED_OUT, NOT_ENOUGH_REPLICAS, DISCONNECT])
        post(service, sent[start:start + 400])
    drained(service, GROUP)
    assert in_cluster(cluster) == in_log(service)


def test_what_is_not_allowed_is_told_and_tried_again(service, cluster):
    cluster.fail_requests(PRODUCE, [TOPIC_AUTHORIZATION_FAILED] * 12)
    post(service, events(seeded("mirror"), 500))
    reason(service, GROUP, "TOPIC_AUTHORIZATION_FAILED")
    drained(service, GROUP)
    assert in_cluster(cluster) == in_log(service)


def test_a_producer_that_the_cluster_has_forgotten_is_followed_by_another(service, cluster):
    sent = events(seeded("mirror"), 1000)
    post(service, sent[:500])
    drained(service, GROUP)
    cluster.fail_requests(PRODUCE, [OUT_OF_ORDER_SEQUENCE, NOT_LEADER, OUT_OF_ORDER_SEQUENCE])
    post(service, sent[500:])
    drained(service, GROUP)
    assert in_cluster(cluster) == in_log(service)


def test_records_that_are_alike_are_all_copied(tmp_path, empty_cluster):
    """What was refused may come again, byte for byte; what was found once is not found again."""
    empty_cluster.create_topic(REJECTED, 1)
    environment, file = settings(empty_cluster, KAFKA_MIRROR_TOPICS="rejected"), tmp_path / "data/exporters/kafka-mirror-rejected.json"

    def refuse(service):
        assert [service.post("/api/events", {"event": ""}).json["rejected"] for _ in range(10)] == [1] * 10
        drained(service, GROUP)

    with Service(tmp_path / "data", environment) as service:
        drained(service, GROUP)
        before = file.read_bytes()
        refuse(service)
        service.kill()
    # As if it had been killed before it noted that these are there.
    file.write_bytes(before)
    with Service(tmp_path / "data", environment) as service:
        drained(service, GROUP)
        assert len(empty_cluster.records(REJECTED)) == 10
        empty_cluster.fail_requests(PRODUCE, [TOPIC_AUTHORIZATION_FAILED] * 3)
        refuse(service)
        assert len(empty_cluster.records(REJECTED)) == 20


def test_a_cluster_that_is_away_is_waited_for(service, cluster):
    post(service, events(seeded("mirror"), 500))
    drained(service, GROUP)
    for broker in cluster.ports:
        cluster.broker_down(broker)
    post(service, events(seeded("mirror away"), 1000, "away"))
    reason(service, GROUP, "the Kafka cluster does not answer")
    assert lag(service, GROUP) > 0
    cluster.heal()
    drained(service, GROUP)
    assert in_cluster(cluster) == in_log(service)


def test_a_service_that_waits_for_the_cluster_ends_at_once(service, cluster):
    for broker in cluster.ports:
        cluster.broker_down(broker)
    post(service, events(seeded("mirror"), 100))
    reason(service, GROUP, "the Kafka cluster does not answer")
    before = time.monotonic()
    service.stop()
    assert time.monotonic() - before < 10


def test_a_cluster_that_owes_an_answer_holds_up_no_end(tmp_path, cluster):
    """Connected, and silent in the middle of what a mirror begins with."""
    cluster.delay_answers(LIST_OFFSETS, 600, 50)
    with Service(tmp_path / "data", settings(cluster)) as service:
        reason(service, GROUP, "the Kafka cluster does not tell what")
        before = time.monotonic()
        service.stop()
        assert time.monotonic() - before < 10


def test_a_batch_that_is_too_large_for_the_cluster_is_sent_by_records(service, cluster):
    cluster.fail_requests(PRODUCE, [MESSAGE_TOO_LARGE] * 3)
    post(service, [{"event": "a", "userId": "u", "messageId": f"m{number}"} for number in range(100)])
    drained(service, GROUP)
    assert sorted(headers["messageId"] for partition in in_cluster(cluster).values() for _, _, _, headers in partition) == sorted(f"m{number}" for number in range(100))
    assert sum(group["setAside"] for group in groups(service, GROUP)) == 0


def test_a_record_that_is_too_large_for_the_cluster_is_set_aside(tmp_path, cluster):
    """Refused with its batch and alone, at each of three attempts."""
    with Service(tmp_path / "data", settings(cluster, KAFKA_MIRROR_TOPICS="events")) as service:
        drained(service, GROUP)
        cluster.fail_requests(PRODUCE, [MESSAGE_TOO_LARGE] * 6)
        post(service, [{"event": "a", "userId": "u", "messageId": "large"}])
        wait_until(lambda: [group["setAside"] for group in groups(service, GROUP)] == [1])
        post(service, events(seeded("mirror"), 300))
        drained(service, GROUP)
        left = {partition: [record for record in records if record[3]["messageId"] != "large"] for partition, records in in_log(service).items()}
        assert in_cluster(cluster) == {partition: records for partition, records in left.items() if records}


def test_another_cluster_gets_everything(tmp_path, cluster):
    with Service(tmp_path / "data", settings(cluster)) as service:
        post(service, events(seeded("mirror"), 500))
        drained(service, GROUP)
        service.stop()
    with KafkaCluster(tmp_path / "another") as another:
        for topic in (RAW, DERIVED):
            another.create_topic(topic, PARTITIONS)
        with Service(tmp_path / "data", settings(another)) as service:
            post(service, events(seeded("mirror more"), 500, "more"))
            drained(service, GROUP)
            assert in_cluster(another) == in_log(service)
            assert sum(map(len, in_cluster(cluster).values())) == 500


def test_what_others_write_to_the_topic_stays_and_is_not_taken_for_ours(tmp_path, cluster):
    def others(count):
        producer = confluent_kafka.Producer({"bootstrap.servers": cluster.bootstrap})
        for number in range(count):
            producer.produce(RAW, b"theirs", b"theirs", partition=number % PARTITIONS)
        producer.flush()

    others(100)
    for round in range(3):
        with Service(tmp_path / "data", settings(cluster)) as service:
            post(service, events(seeded(f"mirror {round}"), 300, f"round{round}"))
            drained(service, GROUP)
            others(100)
            service.kill()
    found = in_cluster(cluster)
    assert sum(record[1] == "theirs" for records in found.values() for record in records) == 400
    assert {partition: [record for record in records if record[1] != "theirs"] for partition, records in found.items()} == in_log(service)


# MARK: What may happen to the service

def test_each_record_comes_once_whenever_the_service_is_killed(tmp_path, cluster, chaos, measured):
    """The cluster is slow, so that the kills come while it is being given something."""
    chance = seeded("mirror kills")
    proxies = {broker: chaos(port) for broker, port in cluster.ports.items()}
    for broker, proxy in proxies.items():
        cluster.advertise(broker, proxy.port)
    environment = settings(cluster, KAFKA_MIRROR_TOPICS="events", KAFKA_MIRROR_PROPERTIES="batch.num.messages=20,max.in.flight.requests.per.connection=2")
    leaders = {partition: leader(cluster, partition) for partition in range(PARTITIONS)}
    interrupted = 0
    for round in range(KILLS):
        with Service(tmp_path / "data", environment) as service:
            drained(service, GROUP)
            for proxy in proxies.values():
                proxy.delay(0.05)
            post(service, events(chance, 1000, f"round{round}"))
            wait_until(lambda: stored_past(cluster, leaders) > 1000 * round + chance.randrange(800))
            service.kill()
            for proxy in proxies.values():
                proxy.pass_on()
            interrupted += 1000 * round < stored(cluster) < 1000 * (round + 1)
    with Service(tmp_path / "data", environment) as service:
        drained(service, GROUP)
        assert in_cluster(cluster) == in_log(service)
    measured(f"{KILLS} kills, {interrupted} of them in the middle, {KILLS * 1000} records copied once")
    assert interrupted > 0


def test_a_cluster_that_stores_without_an_answer_misses_nothing_and_keeps_the_order(service, cluster, chaos, measured):
    proxies = {broker: chaos(port) for broker, port in cluster.ports.items()}
    for broker, proxy in proxies.items():
        cluster.advertise(broker, proxy.port)
    chance = seeded("mirror cuts")
    post(service, events(chance, 100, "first"))
    drained(service, GROUP)
    for round in range(10):
        proxy = proxies[leader(cluster, chance.randrange(PARTITIONS))]
        proxy.cut_replies(chance.choice([0, 1, 20]), RAW.encode())
        post(service, events(chance, 300, f"round{round}"))
        wait_until(lambda: sum(proxy.cuts for proxy in proxies.values()) == round + 1)
    drained(service, GROUP)
    found, held = in_cluster(cluster), in_log(service)
    assert {number: without_repetitions(records) for number, records in found.items()} == {
        number: without_repetitions(records) for number, records in held.items()}
    copied, count = sum(map(len, found.values())), sum(map(len, held.values()))
    measured(f"{count} records, {copied - count} of them repeated by the mock")
