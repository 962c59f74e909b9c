"""What must have come through RabbitMQ, of what a log holds; and a queue that gathers it."""
import collections
import json

import pika

ROUTING_KEYS = ["event.received", "user.identified", "session.started", "session.ended"]
DERIVED = {
    "user.identified": ["userId", "anonymousId", "traits"], "session.started": ["sessionId", "userId"], "session.ended": ["sessionId", "duration"]}


def bind(channel, queue, keys=ROUTING_KEYS, exchange="events"):
    """A durable queue for these keys; the exchange is made if the service did not come first."""
    channel.exchange_declare(exchange, "topic", durable=True)
    channel.queue_declare(queue, durable=True)
    for key in keys:
        channel.queue_bind(queue, exchange, key)


class Message:
    def __init__(self, method, properties, body):
        self.routing_key, self.properties, self.body = method.routing_key, properties, json.loads(body)

    @property
    def place(self):
        return self.routing_key, self.properties.message_id


def gather(channel, queue):
    """All that the queue has, in its order; they are gone from it."""
    count = channel.queue_declare(queue, passive=True).method.message_count
    messages = []
    if count:
        channel.basic_qos(prefetch_count=2000)
        for method, properties, body in channel.consume(queue, inactivity_timeout=10):
            assert method is not None, f"{len(messages)} of {count} messages came"
            messages.append(Message(method, properties, body))
            if len(messages) == count:
                channel.basic_ack(method.delivery_tag, multiple=True)
                break
            if len(messages) % 500 == 0:
                channel.basic_ack(method.delivery_tag, multiple=True)
        channel.cancel()
    return messages


def expected(raw, derived, keys=ROUTING_KEYS):
    """By routing key and message-id: the payload, the type, and when it was received in whole seconds."""
    wanted = {}
    for record in raw:
        event = record["value"]
        wanted["event.received", event["messageId"]] = (
            {"eventType": event["event"], "userId": event.get("userId"), "properties": event.get("properties", {})},
            event["event"], record["timestamp"] // 1000)
    for record in derived:
        event = record["value"]
        wanted[event["event"], event["messageId"]] = (
            {name: event[name] for name in DERIVED[event["event"]]}, event["event"], record["timestamp"] // 1000)
    return {place: value for place, value in wanted.items() if place[0] in keys}


def check(messages, raw, derived, keys=ROUTING_KEYS):
    """Each of the log's is there, as it must be, and nothing else; returns how many are there more than once."""
    wanted = expected(raw, derived, keys)
    counts = collections.Counter(message.place for message in messages)
    assert set(counts) == set(wanted), (len(counts), len(wanted))
    for message in messages:
        properties = message.properties
        found = (message.body, properties.type, properties.timestamp)
        assert found == wanted[message.place], (message.place, found, wanted[message.place])
        assert list(message.body) == list(wanted[message.place][0])
        assert properties.content_type == "application/json" and properties.delivery_mode == pika.DeliveryMode.Persistent.value
        assert properties.app_id == "okla-events"
    return sum(count - 1 for count in counts.values())
