"""Messages over a real RabbitMQ: each event's at least once, whatever happens to either side."""
import time

import pytest
import rabbitmq_model
from exporters import drained, groups, lag, reason
from load import seeded
from marketplace import events, post
from service import Service, run, wait_until
from test_admin import TOKEN
from test_replay import done, submit

SETTINGS = {"ADMIN_TOKEN": TOKEN, "KAFKA_PARTITIONS": "4", "EVENT_TRACKING_SESSION_TIMEOUT": "1s"}


def settings(rabbitmq, **more):
    return {**SETTINGS, "RABBIT_MQ_URL": f"amqp://guest:guest@127.0.0.1:{rabbitmq.server.port}/{rabbitmq.name}", **more}


def over_tls(rabbitmq, host="localhost", parameters=""):
    return {**SETTINGS, "RABBIT_MQ_URL": f"amqps://{host}:{rabbitmq.server.tls_port}/{rabbitmq.name}{parameters}"}


@pytest.fixture
def channel(rabbitmq):
    connection = rabbitmq.server.connect(rabbitmq.name)
    yield connection.channel()
    if connection.is_open:
        connection.close()


@pytest.fixture
def queue(channel):
    rabbitmq_model.bind(channel, "all")
    return "all"


@pytest.fixture
def service(tmp_path, rabbitmq):
    with Service(tmp_path / "data", settings(rabbitmq)) as service:
        yield service


def derived(service):
    return service.records("okla.events.derived")


def sessions_end(service, count):
    """Waits until what follows from events is there: their sessions have ended."""
    wait_until(lambda: sum(record["value"]["event"] == "session.ended" for record in derived(service)) == count)


def sessions(events):
    return len({event["sessionId"] for event in events})


def test_every_message_is_as_the_log_says(service, channel, queue):
    sent = events(seeded("rabbitmq"), 2000)
    post(service, sent)
    sessions_end(service, sessions(sent))
    drained(service, "rabbitmq")
    messages = rabbitmq_model.gather(channel, queue)
    assert rabbitmq_model.check(messages, service.records(), derived(service)) == 0
    assert {message.routing_key for message in messages} == set(rabbitmq_model.ROUTING_KEYS)
    # Of one user in the order of the log.
    places = {record["value"]["messageId"]: (record["partition"], record["offset"]) for record in service.records()}
    seen = {}
    for message in messages:
        if message.routing_key == "event.received":
            partition, offset = places[message.properties.message_id]
            assert offset > seen.get(partition, -1)
            seen[partition] = offset


def test_names_and_ids_may_be_anything(service, channel, queue):
    sent = [
        {"event": "\"\\\u0001" + "🚗" * 100, "userId": "u", "messageId": "🚗" * 63, "properties": {"a": 12345678901234567890, "b": [1.0, None, "\u0000"]}},
        {"event": "x", "anonymousId": "a", "messageId": "é" * 200, "properties": {}},
        {"event": "x", "anonymousId": "a", "messageId": "é" * 199 + "e"},
        {"event": "page_view", "userId": "u", "messageId": "plain", "properties": {"url": "https://x.y"}},
    ]
    post(service, sent)
    drained(service, "rabbitmq")
    messages = [message for message in rabbitmq_model.gather(channel, queue) if message.routing_key == "event.received"]
    assert len(messages) == 4 and len({message.properties.message_id for message in messages}) == 4
    long, = [message for message in messages if message.body["eventType"] == sent[0]["event"]]
    assert long.properties.message_id == "🚗" * 63 and sent[0]["event"].startswith(long.properties.type)
    assert 252 <= len(long.properties.type.encode()) <= 255
    assert long.body["properties"] == sent[0]["properties"]
    # What is longer than AMQP's short strings goes by its hash.
    hashed = [message for message in messages if message.properties.message_id.startswith("hash-")]
    assert len(hashed) == 2 and all(message.body == {"eventType": "x", "userId": None, "properties": {}} for message in hashed)


def test_an_exchange_of_another_kind_is_told(tmp_path, rabbitmq, channel):
    channel.exchange_declare("events", "fanout", durable=True)
    with Service(tmp_path / "data", settings(rabbitmq)) as service:
        reason(service, "rabbitmq", "PRECONDITION_FAILED")
        post(service, events(seeded("rabbitmq"), 50))
        channel.exchange_delete("events")
        rabbitmq_model.bind(channel, "all")
        drained(service, "rabbitmq")
        assert len([message for message in rabbitmq_model.gather(channel, "all") if message.routing_key == "event.received"]) == 50


def test_another_exchange_and_fewer_keys(tmp_path, rabbitmq, channel):
    rabbitmq_model.bind(channel, "all", exchange="autos")
    keys = ["user.identified", "session.started"]
    more = {"RABBIT_MQ_EXCHANGE": "autos", "RABBIT_MQ_ROUTING_KEYS": ",".join(keys)}
    with Service(tmp_path / "data", settings(rabbitmq, **more)) as service:
        sent = events(seeded("rabbitmq"), 500)
        post(service, sent)
        sessions_end(service, sessions(sent))
        drained(service, "rabbitmq")
        assert rabbitmq_model.check(rabbitmq_model.gather(channel, "all"), service.records(), derived(service), keys) == 0


@pytest.mark.parametrize("environment, says", [
    ({"RABBIT_MQ_URL": "amqp://h/", "RABBIT_MQ_ROUTING_KEYS": "event.recieved"}, "RabbitMQ.RoutingKeys has \"event.recieved\"; known are event.received"),
    ({"RABBIT_MQ_URL": "http://h/"}, "RabbitMQ.Url begins with http:; it must begin with amqp: or amqps:"),
    ({"RABBIT_MQ_URL": "amqps://u:secret@h/?cacertfile=/no/such"}, "RabbitMQ.Url needs the file /no/such, which cannot be read"),
])
def test_what_cannot_be_used_ends_the_start(tmp_path, environment, says):
    result = run("serve", "--data-dir", tmp_path / "data", env={"PATH": "", **environment})
    assert result.returncode == 1 and says in result.stderr and "secret" not in result.stderr, result.stderr


# MARK: What the broker may do

def test_a_message_without_a_queue_is_sent_again_until_there_is_one(service, channel):
    post(service, events(seeded("rabbitmq"), 300))
    reason(service, "rabbitmq", "no queue is bound to the exchange events for event.received")
    assert lag(service, "rabbitmq") > 0
    rabbitmq_model.bind(channel, "all")
    drained(service, "rabbitmq")
    messages = [message for message in rabbitmq_model.gather(channel, "all") if message.routing_key == "event.received"]
    assert rabbitmq_model.check(messages, service.records(), [], ["event.received"]) == 0
    metrics = service.request("GET", "/metrics").body.decode()
    assert 'rabbitmq_messages_confirmed_total{routing_key="event.received"} 300' in metrics
    assert 'rabbitmq_messages_returned_total{routing_key="event.received"} 0' not in metrics


def test_what_has_a_queue_is_not_sent_twice_for_what_has_none(service, channel):
    """Of what follows from events, one key has no queue: the others' messages come once, however often that one is tried."""
    rabbitmq_model.bind(channel, "all", ["event.received", "user.identified"])
    sent = events(seeded("rabbitmq"), 1000)
    post(service, sent)
    reason(service, "rabbitmq", "for session.")
    # Tried again some times.
    wait_until(lambda: max(group["failures"] for group in groups(service, "rabbitmq")) >= 5)
    rabbitmq_model.bind(channel, "all")
    sessions_end(service, sessions(sent))
    drained(service, "rabbitmq")
    assert rabbitmq_model.check(rabbitmq_model.gather(channel, "all"), service.records(), derived(service)) == 0


def test_a_full_queue_that_refuses_is_tried_again(service, channel):
    """A queue may refuse (basic.nack) what is beyond its length."""
    channel.exchange_declare("events", "topic", durable=True)
    channel.queue_declare("all", durable=True, arguments={"x-max-length": 100, "x-overflow": "reject-publish"})
    channel.queue_bind("all", "events", "#")
    post(service, [{"event": "x", "userId": f"u{number}", "messageId": f"m{number}"} for number in range(1000)])
    messages = []
    reason(service, "rabbitmq", "refused")
    deadline = time.monotonic() + 100
    while len({message.place for message in messages}) < 1000 and time.monotonic() < deadline:
        messages += rabbitmq_model.gather(channel, "all")
    drained(service, "rabbitmq")
    assert rabbitmq_model.check(messages, service.records(), []) == 0


def test_a_broker_short_of_memory_is_waited_for(service, rabbitmq, channel, queue):
    post(service, events(seeded("rabbitmq"), 100, "before"))
    drained(service, "rabbitmq")
    rabbitmq.server.raise_memory_alarm()
    post(service, events(seeded("rabbitmq"), 3000, "meanwhile"))
    reason(service, "rabbitmq", "takes nothing at the moment: low on memory")
    assert all(group["failures"] == 0 for group in groups(service, "rabbitmq")), "the connection was given up"
    rabbitmq.server.lift_memory_alarm()
    drained(service, "rabbitmq")
    assert rabbitmq_model.check(rabbitmq_model.gather(channel, queue), service.records(), derived(service)) == 0


def test_heartbeats_find_a_broker_that_stands_still(tmp_path, rabbitmq, channel, queue):
    name = f"{rabbitmq.name}?heartbeat=1"
    with Service(tmp_path / "data", settings(rabbitmq._replace(name=name))) as service:
        post(service, events(seeded("rabbitmq"), 100, "before"))
        drained(service, "rabbitmq")
        rabbitmq.server.pause()
        post(service, events(seeded("rabbitmq"), 100, "meanwhile"))
        reason(service, "rabbitmq", "heartbeat")
        rabbitmq.server.go_on()
        drained(service, "rabbitmq")
        repeated = rabbitmq_model.check(gather_anew(rabbitmq), service.records(), derived(service))
        print(f"{repeated} messages came twice")


def gather_anew(rabbitmq):
    """Over a new connection: the test's own may have been ended with the broker."""
    connection = rabbitmq.server.connect(rabbitmq.name)
    try:
        return rabbitmq_model.gather(connection.channel(), "all")
    finally:
        connection.close()


def test_an_idle_connection_stays(tmp_path, rabbitmq, channel, queue):
    with Service(tmp_path / "data", settings(rabbitmq._replace(name=f"{rabbitmq.name}?heartbeat=1"))) as service:
        drained(service, "rabbitmq")
        before = rabbitmq.server.evaluate("lists:sort(rabbit_networking:connections())")
        # Longer than a broker waits for a heartbeat before it ends a connection: nothing else shows that there were some.
        time.sleep(4)
        assert rabbitmq.server.evaluate("lists:sort(rabbit_networking:connections())") == before
        assert groups(service, "rabbitmq")[0]["failures"] == 0


# MARK: TLS

def test_over_tls(tmp_path, rabbitmq, certificates, channel, queue):
    with Service(tmp_path / "data", over_tls(rabbitmq, parameters=f"?cacertfile={certificates.authority}")) as service:
        post(service, events(seeded("rabbitmq"), 1000))
        drained(service, "rabbitmq")
        assert rabbitmq_model.check(rabbitmq_model.gather(channel, queue), service.records(), derived(service)) == 0


def test_a_certificate_of_nobody_known_is_refused(tmp_path, rabbitmq):
    with Service(tmp_path / "data", over_tls(rabbitmq)) as service:
        reason(service, "rabbitmq", "SSL peer cert verification failed")


def test_a_certificate_of_another_name_is_refused(tmp_path, rabbitmq, certificates):
    with Service(tmp_path / "data", over_tls(rabbitmq, "127.0.0.1", f"?cacertfile={certificates.authority}")) as service:
        reason(service, "rabbitmq", "RabbitMQ.Url must have the host's name as its certificate has it")


# MARK: Replays

def test_a_replay_publishes_again(service, channel, queue):
    sent = events(seeded("rabbitmq"), 1000)
    post(service, sent)
    sessions_end(service, sessions(sent))
    drained(service, "rabbitmq")
    rabbitmq_model.gather(channel, queue)
    answer = done(service, submit(service, target="rabbitmq", filter={"events": ["search"]})["id"])
    wanted = [record for record in service.records() if record["value"]["event"] == "search"]
    assert answer["state"] == "done" and answer["written"] == len(wanted), answer
    assert rabbitmq_model.check(rabbitmq_model.gather(channel, queue), wanted, []) == 0
