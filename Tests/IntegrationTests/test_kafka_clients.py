"""Kafka's own clients cannot tell the service from Kafka: each of them, with a password and without."""
import json
import random
import re
import time

import confluent_kafka
import kafka
import pytest
from confluent_kafka.admin import AdminClient, NewTopic
from kafka.partitioner.default import murmur2

from kafka_clients import CLIENTS, CODECS, Access, Confluent, Member, Sender
from service import Service, run, wait_until

USERS = [{"Name": "writer", "Password": "a \"secret\" & ñandú", "Read": ["*"], "Write": ["*"], "Manage": ["*"]},
         {"Name": "reader", "Password": "another", "Read": ["okla.*", "shared"]},
         {"Name": "sender", "Password": "third", "Write": ["inbox-*"]}]


ADMIN = {"Authorization": "Bearer an-admin-token"}


def configured(tmp_path, settings):
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({"Kafka": {"Listen": "127.0.0.1:0"} | settings}))
    return Service(tmp_path / "data", {"ADMIN_TOKEN": "an-admin-token", "EVENT_TRACKING_BATCH_SIZE": "1000"}, arguments=["--config", str(path)])


def bootstrap(service):
    return service.ready["kafka"]


@pytest.fixture(scope="module")
def open_service(tmp_path_factory):
    with configured(tmp_path_factory.mktemp("kafka"), {}) as service:
        yield service


@pytest.fixture(scope="module")
def guarded_service(tmp_path_factory):
    with configured(tmp_path_factory.mktemp("guarded"), {"Users": USERS, "AutoCreateTopics": True}) as service:
        yield service


@pytest.fixture(params=["open", "with a password"])
def access(request, open_service, guarded_service):
    if request.param == "open":
        return Access(bootstrap(open_service))
    return Access(bootstrap(guarded_service), USERS[0]["Name"], USERS[0]["Password"])


@pytest.fixture(params=CLIENTS)
def client(request, access):
    return CLIENTS[request.param](access)


def admin(access):
    """One for each access: what it has begun ends with it."""
    if not hasattr(access, "admin"):
        access.admin = AdminClient(access.librdkafka())
    return access.admin


def new_topic(access, partition_count=1, **config):
    name = f"topic-{time.time_ns()}"
    [made] = admin(access).create_topics([NewTopic(name, partition_count, 1, config=config)]).values()
    made.result()
    return name


def made_records(count, seed=1):
    """Any bytes but those at which kcat is told to split."""
    letters = [byte for byte in range(256) if byte not in b"\x1d\x1e"]
    source = random.Random(seed)
    return [(b"key-%d" % number, bytes(source.choices(letters, k=source.choice([1, 10, 300, 3000])))) for number in range(count)]


# MARK: Records

@pytest.mark.parametrize("codec", CODECS)
def test_what_is_produced_comes_back_byte_for_byte(client, codec):
    """The topic is made by the first record."""
    topic, records = f"{client.name}-{codec}-{time.time_ns()}", made_records(200)
    client.produce(topic, records, codec)
    client.produce(topic, records, codec, idempotent=True)
    assert client.consume(topic, 0, 0, 400) == [(offset, *record) for offset, record in enumerate(records + records)]
    assert client.consume(topic, 0, 390, 10) == [(offset, *record) for offset, record in enumerate(records[-10:], 390)]


def test_an_offset_is_found_by_its_time(client):
    """Times that fall, too: a record belongs to a time when it is the first that is not earlier."""
    topic = new_topic(client.access)
    producer = confluent_kafka.Producer(client.access.librdkafka(produces=True))
    times = [5000, 1000, 9000, 9000, 2000, 20000]
    for number, timestamp in enumerate(times):
        producer.produce(topic, b"%d" % number, timestamp=timestamp)
        producer.flush()
    for wanted in (1, 1000, 5000, 5001, 9000, 9001, 20000):
        assert client.offset_at(topic, 0, wanted) == next(place for place, time in enumerate(times) if time >= wanted), wanted


def test_events_are_read_where_the_service_has_put_them(open_service):
    events = [{"event": "vehicle_view", "userId": f"user-{number}", "messageId": f"k-{number}", "properties": {"vehicleId": "v"}} for number in range(50)]
    assert open_service.post("/api/events", events).json["accepted"] == 50
    ours = {(record["partition"], record["offset"]): record for record in open_service.records() if record["headers"]["messageId"].startswith("k-")}
    assert len(ours) == 50
    for name, kind in CLIENTS.items():
        client = kind(Access(bootstrap(open_service)))
        for partition in {partition for partition, _ in ours}:
            offsets = [offset for place, offset in ours if place == partition]
            for offset, key, value in client.consume("okla.events.raw", partition, min(offsets), len(offsets)):
                assert (key.decode(), json.loads(value)) == (ours[partition, offset]["key"], ours[partition, offset]["value"]), name


def test_the_partition_is_the_one_that_each_client_picks(open_service):
    """For 100,000 keys: where the service has put the events, and where the clients put records with the same keys."""
    keys = [f"user-{number}-{'ñ' * (number % 5)}" for number in range(100_000)]
    for start in range(0, len(keys), 200):
        events = [{"event": "search", "userId": key, "messageId": f"p-{start}-{place}", "properties": {"query": "x"}}
                  for place, key in enumerate(keys[start:start + 200])]
        assert open_service.post("/api/events", events).json["accepted"] == 200
    ours = {record["key"]: record["partition"] for record in open_service.records() if record["headers"]["messageId"].startswith("p-")}
    assert len(ours) == len(keys)
    access = Access(bootstrap(open_service))
    assert all(ours[key] == (murmur2(key.encode()) & 0x7FFFFFFF) % 12 for key in keys), "kafka-python"
    from aiokafka.partitioner import DefaultPartitioner
    assert all(ours[key] == DefaultPartitioner()(key.encode(), list(range(12)), list(range(12))) for key in keys), "aiokafka"
    for kind in (CLIENTS["kcat"], Confluent):
        topic = new_topic(access, 12)
        kind(access).produce(topic, [(key.encode(), b"-") for key in keys], "lz4")
        ends = {partition: Confluent(access).consumer().get_watermark_offsets(confluent_kafka.TopicPartition(topic, partition))[1] for partition in range(12)}
        assert sum(ends.values()) == len(keys)
        for partition, end in ends.items():
            for _, key, _ in Confluent(access).consume(topic, partition, 0, end):
                assert ours[key.decode()] == partition, kind.name


def test_events_are_not_taken_past_what_checks_them(client):
    with pytest.raises(Exception, match="(?i)authoriz"):
        client.produce("okla.events.raw", [(b"k", b"v")])


def test_a_record_that_is_too_large_is_refused(access):
    topic = new_topic(access)
    producer = confluent_kafka.Producer(access.librdkafka(produces=True) | {"message.max.bytes": 5_000_000})
    errors = []
    producer.produce(topic, b"x" * 2_000_000, on_delivery=lambda error, _: errors.append(error))
    producer.flush()
    assert errors[0].code() == confluent_kafka.KafkaError.MSG_SIZE_TOO_LARGE


# MARK: Groups

def test_three_share_a_group_and_one_is_killed(client, tmp_path):
    topic = new_topic(client.access, 6)
    group, writer = f"group of {topic}", Confluent(client.access)

    def write(start, end):
        writer.produce(topic, [(b"%d" % number, b"value-%d" % number) for number in range(start, end)])

    members = [Member(client.name, client.access, group, topic, tmp_path / f"member-{number}") for number in range(3)]

    def state():
        described = admin(client.access).describe_consumer_groups([group])[group].result()
        return described.state.name, sorted(len(member.assignment.topic_partitions) for member in described.members)

    def seen():
        return [record for member in members for record in member.records()]

    def have_all(end):
        return lambda: {value for _, _, value in seen()} == {b"value-%d" % number for number in range(end)}

    wait_until(lambda: state() == ("STABLE", [2, 2, 2]), 30)
    write(0, 600)
    wait_until(have_all(600), 30)
    # What was read is committed before the next read, or the next but one.
    write(600, 601)
    wait_until(have_all(601), 30)
    members[1].kill()
    write(601, 1200)
    wait_until(have_all(1200), 30)
    wait_until(lambda: state() == ("STABLE", [3, 3]), 30)
    for member in (members[0], members[2]):
        member.stop()
    # The one that was killed may have read what it had not committed; nobody else repeats anything.
    assert len(seen()) - len(set(seen())) <= 600
    wait_until(lambda: state() == ("EMPTY", []), 30)
    members.append(Member(client.name, client.access, group, topic, tmp_path / "later"))
    write(1200, 1300)
    wait_until(have_all(1300), 30)
    members[-1].stop()
    assert len(members[-1].records()) == 100, "it goes on where the others have committed"


def test_offsets_are_there_after_a_sigkill(tmp_path):
    with configured(tmp_path, {}) as service:
        access = Access(bootstrap(service))
        topic = new_topic(access, 3)
        consumer = Confluent(access).consumer(**{"group.id": "keeper"})
        places = [confluent_kafka.TopicPartition(topic, partition, 10 + partition, metadata=f"note {partition}") for partition in range(3)]
        Confluent(access).produce(topic, [(b"%d" % number, b"v") for number in range(100)])
        consumer.commit(offsets=places, asynchronous=False)
        service.kill()
        service.start()
        access = Access(bootstrap(service))
        found = Confluent(access).consumer(**{"group.id": "keeper"}).committed([confluent_kafka.TopicPartition(topic, partition) for partition in range(3)])
        assert [(place.offset, place.metadata) for place in found] == [(10, "note 0"), (11, "note 1"), (12, "note 2")]
        assert "keeper" in str(kafka.KafkaAdminClient(**access.python()).list_groups())
        ends = [Confluent(access).consumer().get_watermark_offsets(confluent_kafka.TopicPartition(topic, partition))[1] for partition in range(3)]
        [told] = [group for group in service.request("GET", "/api/admin/consumers", headers=ADMIN).json["consumers"] if group["group"] == "keeper"]
        assert (told["kind"], told["topic"], told["state"], told["members"]) == ("kafka", topic, "Empty", 0)
        assert told["lag"] == sum(ends) - 33 and [partition["committed"] for partition in told["partitions"]] == [10, 11, 12]
        shown = run("consumers", "--url", service.ready["http"], "--admin-token", "an-admin-token").stdout
        assert re.search(rf"^keeper +{topic} +Empty, 0 members +{told['lag']} +- ", shown, re.MULTILINE), shown


def test_the_services_own_readers_are_groups_too(open_service):
    access = Access(bootstrap(open_service))
    assert open_service.post("/api/events", {"event": "search", "userId": "u", "properties": {"query": "x"}}).json["accepted"] == 1
    shown = open_service.request("GET", "/api/admin/consumers", headers=ADMIN).json["consumers"]
    names = {consumer["group"] for consumer in shown if consumer["kind"] == "service"}
    listed = {group.group_id: group.state.name for group in admin(access).list_consumer_groups().result().valid}
    assert names and names <= set(listed)
    for name in names:
        consumer = Confluent(access).consumer(**{"group.id": name})
        place = [confluent_kafka.TopicPartition("okla.events.raw", partition) for partition in range(12)]

        def lag():
            committed = sum(max(0, found.offset) for found in consumer.committed(place))
            ends = sum(consumer.get_watermark_offsets(partition)[1] for partition in place)
            return ends - committed
        wait_until(lambda: lag() == 0, 40)
        with pytest.raises(confluent_kafka.KafkaException):
            consumer.commit(offsets=[confluent_kafka.TopicPartition("okla.events.raw", 0, 0)], asynchronous=False)


# MARK: Producers

@pytest.mark.parametrize("name", [name for name in CLIENTS if name != "kcat"])
def test_nothing_is_lost_or_repeated_when_the_broker_is_killed(name, tmp_path):
    """An idempotent producer goes on sending while the service is killed and started again, at the same port. kcat ends by itself when no broker is up."""
    with configured(tmp_path, {}) as service:
        host, port = bootstrap(service).rsplit(":", 1)
        (tmp_path / "settings.json").write_text(json.dumps({"Kafka": {"Listen": f"{host}:{port}"}}))
        access = Access(f"{host}:{port}")
        topic = new_topic(access)
        sender = Sender(name, access, topic, 4000)
        for least in (300, 1500):
            wait_until(lambda: Confluent(access).consumer().get_watermark_offsets(confluent_kafka.TopicPartition(topic, 0))[1] > least, 30)
            service.kill()
            service.start()
        assert sender.ended() == 0, sender.errors()
        values = [value for _, _, value in Confluent(access).consume(topic, 0, 0, 4000)]
        assert values == [b"%d" % number for number in range(4000)]
        assert Confluent(access).consumer().get_watermark_offsets(confluent_kafka.TopicPartition(topic, 0)) == (0, 4000)


# MARK: Topics

def test_topics_are_made_listed_described_and_deleted(access):
    both = [admin(access), kafka.KafkaAdminClient(**access.python())]
    name = new_topic(access, 3, **{"message.timestamp.type": "LogAppendTime"})
    assert len(both[0].list_topics(name).topics[name].partitions) == 3
    resource = confluent_kafka.admin.ConfigResource("topic", name)
    settings = {key: setting.value for key, setting in both[0].describe_configs([resource])[resource].result().items()}
    assert settings["message.timestamp.type"] == "LogAppendTime" and settings["cleanup.policy"] == "delete"
    Confluent(access).produce(name, [(b"k", b"v")] * 10)
    consumer = Confluent(access).consumer()
    consumer.assign([confluent_kafka.TopicPartition(name, partition, 0) for partition in range(3)])
    message = consumer.consume(1, 30)[0]
    assert message.timestamp()[0] == confluent_kafka.TIMESTAMP_LOG_APPEND_TIME
    place = confluent_kafka.TopicPartition(name, message.partition(), 4)
    assert both[0].delete_records([place])[place].result().low_watermark == 4
    assert consumer.get_watermark_offsets(place) == (4, 10)
    for refused, code in ((NewTopic(name, 1, 1), "TOPIC_ALREADY_EXISTS"), (NewTopic("two", 1, 2), "INVALID_REPLICATION_FACTOR"),
                          (NewTopic("a/b", 1, 1), "TOPIC_EXCEPTION"), (NewTopic("many", 5000, 1), "INVALID_PARTITIONS"),
                          (NewTopic("compacted", 1, 1, config={"cleanup.policy": "compact"}), "INVALID_CONFIG")):
        with pytest.raises(confluent_kafka.KafkaException) as error:
            next(iter(both[0].create_topics([refused]).values())).result()
        assert error.value.args[0].name() == code
    keeper = Confluent(access).consumer(**{"group.id": name})
    keeper.commit(offsets=[confluent_kafka.TopicPartition(name, place.partition, 10)], asynchronous=False)
    next(iter(both[0].delete_topics([name]).values())).result()
    assert name not in both[0].list_topics().topics
    next(iter(both[0].create_topics([NewTopic(name, 3, 1)]).values())).result()
    assert keeper.committed([confluent_kafka.TopicPartition(name, place.partition)])[0].offset < 0, "another topic of its name begins anew"
    assert Confluent(access).consumer().get_watermark_offsets(place) == (0, 0)
    next(iter(both[0].delete_topics([name]).values())).result()
    both[1].create_topics({f"{name}-again": {"num_partitions": 2}})
    assert f"{name}-again" in both[1].list_topics()
    both[1].delete_topics([f"{name}-again"])
    assert f"{name}-again" not in both[0].list_topics().topics
    with pytest.raises(confluent_kafka.KafkaException):
        next(iter(both[0].delete_topics(["okla.events.raw"]).values())).result()


# MARK: Who may do what

def test_whoever_has_no_right_is_told_so(guarded_service):
    address = bootstrap(guarded_service)
    writer = Access(address, USERS[0]["Name"], USERS[0]["Password"])
    for topic in ("shared", "inbox-1", "private"):
        Confluent(writer).produce(topic, [(b"k", b"v")])
    reader, sender = Access(address, "reader", "another"), Access(address, "sender", "third")
    assert set(admin(reader).list_topics(timeout=10).topics) == {"shared", "okla.events.raw", "okla.events.rejected", "okla.events.derived"}
    assert Confluent(reader).consume("shared", 0, 0, 1) == [(0, b"k", b"v")]
    Confluent(sender).produce("inbox-1", [(b"k", b"w")])
    Confluent(sender).produce("inbox-made-now", [(b"k", b"w")])
    for refused in (lambda: Confluent(reader).produce("shared", [(b"k", b"v")]), lambda: Confluent(sender).produce("shared", [(b"k", b"v")]),
                    lambda: Confluent(sender).consume("inbox-1", 0, 0, 1)):
        with pytest.raises(AssertionError, match="(?i)authoriz"):
            refused()
    assert admin(reader).list_topics("private", timeout=10).topics["private"].error.code() == confluent_kafka.KafkaError.TOPIC_AUTHORIZATION_FAILED
    for name in ("shared", "new"):
        with pytest.raises(confluent_kafka.KafkaException):
            next(iter(admin(reader).create_topics([NewTopic(name, 1, 1)]).values())).result()


def test_a_wrong_password_opens_nothing(guarded_service, caplog):
    """kafka-python would try for half a minute."""
    for user, password in (("writer", "wrong"), ("nobody", USERS[0]["Password"])):
        access = Access(bootstrap(guarded_service), user, password)
        errors = []
        client = confluent_kafka.Producer(access.librdkafka() | {"error_cb": errors.append})
        wait_until(lambda: client.poll(0.1) or any(error.code() == confluent_kafka.KafkaError._AUTHENTICATION for error in errors), 20)
        with pytest.raises(RuntimeError, match="(?i)authentication|invalid"):
            CLIENTS["kcat"](access).run("-L", "-m", "2")
        caplog.clear()
        with pytest.raises(Exception, match="Unable to bootstrap"):
            CLIENTS["aiokafka"](access).produce("shared", [(b"k", b"v")])
        assert "Authentication failed" in caplog.text


def test_all_of_it_goes_over_tls_too(tmp_path, certificates):
    settings = {"Users": USERS, "AutoCreateTopics": True, "TLS": {"CertificateFile": str(certificates.certificate), "KeyFile": str(certificates.key)}}
    with configured(tmp_path, settings) as service:
        records = made_records(100)
        for name, kind in CLIENTS.items():
            client = kind(Access(bootstrap(service), USERS[0]["Name"], USERS[0]["Password"], certificates.authority))
            client.produce(f"over-tls-{name}", records, "lz4")
            assert client.consume(f"over-tls-{name}", 0, 0, 100) == [(offset, *record) for offset, record in enumerate(records)]
