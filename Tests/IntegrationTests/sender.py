"""Sends events one request after the other, and knows what was acknowledged at which place in the log."""
import base64
import random

from service import run


class Sender:
    """Its events hardly compress, so that a few requests fill a segment of the smallest size."""

    def __init__(self, service):
        self.service = service
        self.random = random.Random(1)
        self.requests = []
        self.acknowledged = {}
        # A user of each partition.
        self.users = {}
        # The beginning of its messageIds.
        self.name = "m"

    def copy(self, service):
        """The same sender before a copy of its service's data."""
        sender = Sender(service)
        sender.random.setstate(self.random.getstate())
        sender.requests, sender.acknowledged, sender.users = list(self.requests), dict(self.acknowledged), self.users
        return sender

    @staticmethod
    def union(senders):
        """One that knows what all of them know."""
        union = senders[0].copy(senders[0].service)
        for sender in senders[1:]:
            union.requests += [request for request in sender.requests if request not in union.requests]
            union.acknowledged.update(sender.acknowledged)
        return union

    def learn_users(self, partitions=2):
        """Sends one event for each of some users and notes where they went."""
        answer = self.post(self._new([f"u{number}" for number in range(16)], text_bytes=10))
        assert answer.status == 202
        for index, result in enumerate(answer.json["results"]):
            self.users.setdefault(result["partition"], f"u{index}")
        assert len(self.users) == partitions

    def send(self, *partitions, events=5, text_bytes=4000):
        """A new request with so many events for each of the partitions."""
        return self.post(self._new([self.users[partition] for partition in partitions for _ in range(events)], text_bytes))

    def _new(self, users, text_bytes):
        number = len(self.requests)
        request = [{
            "event": "a", "userId": user, "messageId": f"{self.name}{number}-{index}",
            "properties": {"text": base64.b64encode(self.random.randbytes(text_bytes * 3 // 4)).decode()},
        } for index, user in enumerate(users)]
        self.requests.append(request)
        return request

    def post(self, request):
        answer = self.service.post("/api/events?receipts=true", request)
        if answer.status == 202:
            assert answer.json["rejected"] == 0 and len(answer.json["results"]) == len(request)
            for event, result in zip(request, answer.json["results"]):
                assert result["messageId"] == event["messageId"]
                place = (result["partition"], result["offset"])
                assert self.acknowledged.setdefault(event["messageId"], place) == place
        else:
            assert answer.status == 503, answer.body
        return answer

    def send_everything_again(self):
        """As a client does that was answered with 503: afterwards everything is acknowledged."""
        for request in self.requests:
            known = sum(event["messageId"] in self.acknowledged for event in request)
            answer = self.post(request)
            assert answer.status == 202, answer.body
            assert answer.json["duplicates"] >= known

    def check_log(self, is_complete=False):
        """What was acknowledged stands in the log once, at its place; and nothing that was never sent. Returns the records."""
        records = self.service.records()
        found, expected = {}, {}
        for record in records:
            message, partition = record["headers"]["messageId"], record["partition"]
            assert message not in found, f"{message} stands in the log twice"
            found[message] = (partition, record["offset"])
            assert record["offset"] == expected.setdefault(partition, 0), "offsets follow each other"
            expected[partition] += 1
        missing = self.acknowledged.items() - found.items()
        assert not missing, f"acknowledged, and not there: {sorted(missing)[:3]}"
        sent = {event["messageId"] for request in self.requests for event in request}
        assert found.keys() == sent if is_complete else found.keys() <= sent
        return records

    def stop_and_verify(self):
        """Every byte that the service leaves behind must be right."""
        assert self.service.stop() == 0
        verified = run("log", "verify", "--data-dir", self.service.data_dir)
        assert verified.returncode == 0, verified.stdout + verified.stderr
