"""RabbitMQ with a quorum queue bound for everything. Its plainest client: librabbitmq, one connection, 4,096 persistent messages without
a confirmation at most, of whole events."""
import peers.rabbitmq
from peers.rabbitmq import PACKAGES

NAME = "rabbitmq"
GOAL = 25_000
CLIENTS = ["rabbitmq"]
PLAINEST = "librabbitmq, 4,096 messages at once, confirmed"
EXCHANGE = "events"


def start(folder):
    return peers.rabbitmq.start(folder, "quorum")


def settings(server):
    # Makes the exchange, the queue and the binding.
    server.load(1, 1, 1, exchange=EXCHANGE)
    # One message for each event, and none for its session.
    return {"RABBIT_MQ_URL": f"amqp://guest:guest@127.0.0.1:{server.target}", "RABBIT_MQ_ROUTING_KEYS": "event.received"}


def limit(server, events, exported):
    return server.load(events, 4096, 1, exchange=EXCHANGE)["per_s"]
