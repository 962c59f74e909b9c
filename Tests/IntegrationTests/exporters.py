"""How an exporter is getting on, as an administrator is told."""
from service import wait_until
from test_admin import ask


def groups(service, group):
    """What is told of a group: of each topic that it reads one."""
    return [consumer for consumer in ask(service, "consumers")["consumers"] if consumer["group"] == group]


def lag(service, group):
    return sum(consumer["lag"] for consumer in groups(service, group))


def drained(service, group, seconds=60):
    """Waits until a group has everything that the log holds, on the other side, and says that it does."""
    wait_until(lambda: groups(service, group) and all(
        consumer["state"] == "following" and all(partition["committed"] == partition["endOffset"] for partition in consumer["partitions"])
        for consumer in groups(service, group)), seconds)


def reason(service, group, text, seconds=30):
    """Waits until a group says that it cannot go on, and why."""
    wait_until(lambda: any(text in (consumer.get("reason") or "") for consumer in groups(service, group)), seconds)
