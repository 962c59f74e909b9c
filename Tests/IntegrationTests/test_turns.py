"""What happens on connections while the log takes its time: its syncs are held, so requests are in flight as long as a test wants."""
import contextlib
import gzip
import json
import re
import select
import socket
import struct

import pytest

from service import KEY, Service, wait_until

SYNCS = ("fdatasync", "*/journal/*.journal")
LIVE = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
NOWHERE = b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"


def post(message_id, body=None, headers=""):
    body = body or json.dumps({"event": "a", "userId": "u", "messageId": message_id}).encode()
    head = f"POST /api/events?receipts=true HTTP/1.1\r\nHost: x\r\nX-Write-Key: {KEY}\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Connection:
    def __init__(self, service, data=b"", receive_buffer=None):
        self.socket = socket.socket()
        self.socket.settimeout(30)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect(("127.0.0.1", service.port))
        self.received = b""
        self.socket.sendall(data)

    def is_silent(self):
        return not select.select([self.socket], [], [], 0)[0]

    def answer(self):
        """The next answer, as status, headers and body; nothing at the end of the connection."""
        while b"\r\n\r\n" not in self.received:
            more = self.socket.recv(65536)
            if not more:
                assert self.received == b""
                return None
            self.received += more
        head, _, self.received = self.received.partition(b"\r\n\r\n")
        length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])
        while len(self.received) < length:
            self.received += self.socket.recv(65536)
        body, self.received = self.received[:length], self.received[length:]
        return int(head.split()[1]), head.decode().lower(), json.loads(body)

    def answers(self, count):
        return [self.answer() for _ in range(count)]

    def rest(self):
        """Everything until the end of the connection."""
        while more := self.socket.recv(65536):
            self.received += more
        return self.received

    def close(self):
        self.socket.close()


@pytest.fixture
def edge(faults, tmp_path):
    with Service(tmp_path / "data", faults.environment) as service:
        yield service


def hold(faults, service, *connections):
    """Sends what needs a commit, once none ends any more; returns when it is held."""
    rule = faults.hold(*SYNCS)
    opened = [Connection(service, data) for data in connections]
    wait_until(lambda: rule.failed)
    return opened


def test_answers_of_both_kinds_leave_in_the_order_of_their_requests(edge, faults):
    connection, = hold(faults, edge, post("m1") + LIVE + post("", b"{") + NOWHERE + post("m2") + LIVE)
    # Another connection is served meanwhile, and what is behind the first request waits for it.
    assert edge.request("GET", "/health/live").status == 200
    assert edge.post("/api/events", "{").status == 400
    assert connection.is_silent()
    faults.clear()
    answers = connection.answers(6)
    assert [status for status, _, _ in answers] == [202, 200, 400, 404, 202, 200]
    bodies = [body for _, _, body in answers]
    assert [bodies[number]["results"][0]["messageId"] for number in (0, 4)] == ["m1", "m2"]
    assert bodies[1] == bodies[5] == {"status": "live"}
    assert (bodies[2]["code"], bodies[3]["code"]) == ("invalid_json", "not_found")
    # And the connection is as good as before.
    connection.socket.sendall(post("m2"))
    assert connection.answer()[2]["duplicates"] == 1


def test_pipelined_requests_in_pieces_of_any_size_are_answered_in_their_order(edge):
    whole = post("m1") + LIVE + post("m2") + NOWHERE + post("m3")
    for size in 1, 2, 3, 7, 50, 200:
        connection = Connection(edge)
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(whole), size):
            connection.socket.sendall(whole[start:start + size])
        answers = connection.answers(5)
        assert [status for status, _, _ in answers] == [202, 200, 202, 404, 202]
        assert [body["results"][0]["messageId"] for _, _, body in answers if "results" in body] == ["m1", "m2", "m3"]
        connection.close()


def test_a_client_that_takes_its_answers_may_pipeline_without_end(edge):
    count, text = 2000, "x" * 700
    connection = Connection(edge)
    requests = b"".join(post("", json.dumps({"event": "a", "userId": "u", "messageId": f"m{n}", "text": text}).encode()) for n in range(count))
    connection.socket.setblocking(False)
    received = b""
    while received.count(b'"accepted":1') < count:
        readable, writable, _ = select.select([connection.socket], [connection.socket] if requests else [], [], 30)
        assert readable or writable
        if writable:
            requests = requests[connection.socket.send(requests[:65536]):]
        if readable:
            more = connection.socket.recv(65536)
            assert more, "the connection ended"
            received += more
    assert re.findall(rb'"messageId":"(m\d+)"', received) == [f"m{n}".encode() for n in range(count)]


@pytest.mark.parametrize("is_reset", [True, False], ids=["reset", "closed"])
def test_a_connection_that_closes_during_its_commit_leaves_its_events_and_their_ids(edge, faults, is_reset):
    wait_until(lambda: edge.connection_count() == 0)
    connection, = hold(faults, edge, post("m1") + post("m2"))
    if is_reset:
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
    if is_reset:
        # One that is only closed may still want to read.
        wait_until(lambda: edge.connection_count() == 0)
    # Another one that waits for the same event: for the commit, not for the answer that nobody takes.
    waiting = Connection(edge, post("m1"))
    assert edge.request("GET", "/health/live").status == 200
    assert waiting.is_silent()
    faults.clear()
    assert waiting.answer()[2]["duplicates"] == 1
    for message_id in "m1", "m2":
        assert Connection(edge, post(message_id)).answer()[2]["duplicates"] == 1
    assert sorted(record["headers"]["messageId"] for record in edge.records()) == ["m1", "m2"]


def test_an_event_that_is_in_flight_is_a_duplicate_at_its_place(edge, faults):
    rule = faults.hold(*SYNCS)
    connections = [Connection(edge, post("m1")) for _ in range(4)]
    wait_until(lambda: rule.failed)
    assert edge.request("GET", "/health/live").status == 200
    assert all(connection.is_silent() for connection in connections)
    faults.clear()
    bodies = [connection.answer()[2] for connection in connections]
    assert sorted(body["accepted"] for body in bodies) == [0, 0, 0, 1]
    assert len({(body["results"][0]["partition"], body["results"][0]["offset"]) for body in bodies}) == 1


def wait_until_refused(service):
    """Until the port is closed. Who connects in the moment of its closing is reset instead of refused."""
    with pytest.raises(ConnectionRefusedError):
        while True:
            with contextlib.suppress(ConnectionResetError):
                Connection(service).close()


def test_term_answers_what_is_in_flight_and_takes_nothing_new(edge, faults):
    # On all event loops, so that nobody else has missed the signal when all of these have seen it.
    idle = [Connection(edge, LIVE) for _ in range(32)]
    assert [connection.answer()[0] for connection in idle] == [200] * 32
    pipelined, half_sent = hold(faults, edge, post("m1") + LIVE + post("m2"), post("m3")[:-1])
    # A part of the last one was read before the signal: its head was taken.
    assert edge.request("GET", "/health/live").status == 200
    edge.process.terminate()
    assert [connection.answer() for connection in idle] == [None] * 32, "who waits for nothing is closed at once"
    wait_until_refused(edge)
    half_sent.socket.sendall(post("m3")[-1:] + post("too late"))
    pipelined.socket.sendall(post("too late, and not even read"))
    assert pipelined.is_silent() and edge.process.poll() is None
    faults.clear()
    answers = pipelined.answers(3)
    assert [status for status, _, _ in answers] == [202, 200, 202]
    assert half_sent.answer()[0] == 202
    with contextlib.suppress(ConnectionResetError):
        assert pipelined.answer() is None and half_sent.answer() is None
    assert edge.ended() == 0
    assert sorted(record["headers"]["messageId"] for record in edge.records()) == ["m1", "m2", "m3"]


def test_term_loses_nothing_of_answers_on_their_way(edge):
    def receipts(number):
        events = [{"event": "a", "userId": "u", "messageId": f"{number}-{place}-" + "y" * 180} for place in range(100)]
        return post(None, json.dumps(events).encode())

    connection = Connection(edge, b"", receive_buffer=8192)
    connection.socket.sendall(b"".join(receipts(number) for number in range(8)))
    # All are stored, and more is written than the kernel takes.
    wait_until(lambda: len(edge.records()) == 800)
    edge.process.terminate()
    wait_until_refused(edge)
    answers = connection.answers(8)
    assert [status for status, _, _ in answers] == [202] * 8
    assert [len(body["results"]) for _, _, body in answers] == [100] * 8
    assert connection.answer() is None and edge.ended() == 0


@pytest.mark.parametrize("early, status", [("Content-Length: 999999", 413), ("Content-Encoding: br\r\nContent-Length: 999999", 415)])
def test_an_answer_given_before_its_request_was_complete_is_not_lost(edge, faults, early, status):
    """However much comes behind it while it waits for its turn."""
    head = f"POST /api/events HTTP/1.1\r\nHost: x\r\nX-Write-Key: {KEY}\r\n{early}\r\n\r\n".encode()
    connection, = hold(faults, edge, post("m1"))
    connection.socket.settimeout(5)
    with contextlib.suppress(TimeoutError, ConnectionError):
        connection.socket.sendall(head + bytes(400_000))
    faults.clear()
    assert [answer[0] for answer in connection.answers(2)] == [202, status]


def test_what_waits_for_the_log_is_bounded(edge, faults):
    """Small bodies that inflate to a megabyte of valid events, as many as come."""

    def body(number):
        events = [{"event": "a", "userId": "u", "messageId": f"{number}-{place}", "properties": {"x": "x" * 10_000}} for place in range(100)]
        return gzip.compress(json.dumps(events).encode())

    bodies = [body(number) for number in range(20)]
    rule = faults.hold(*SYNCS)
    connections = [Connection(edge, b"".join(post(None, bodies[(number + turn) % 20], headers="Content-Encoding: gzip\r\n") for turn in range(9)))
                   for number in range(400)]
    wait_until(lambda: rule.failed)
    wait_until(lambda: edge.request("GET", "/health/live").status == 200)
    faults.clear()
    for connection in connections:
        assert connection.answer()[0] in (202, 503)
    assert edge.memory()[1] < 400


def test_the_end_of_a_clients_input_comes_behind_the_answers(edge, faults):
    connection, = hold(faults, edge, post("m1") + post("m2"))
    connection.socket.shutdown(socket.SHUT_WR)
    assert edge.request("GET", "/health/live").status == 200
    faults.clear()
    assert [status for status, _, _ in connection.answers(2)] == [202, 202]
    assert connection.answer() is None


def test_what_is_no_http_behind_a_request_in_flight_is_refused_behind_its_answer(edge, faults):
    connection, = hold(faults, edge, post("m1") + b"no HTTP\r\n\r\n")
    assert edge.request("GET", "/health/live").status == 200
    assert connection.is_silent()
    faults.clear()
    assert connection.answer()[0] == 202
    assert connection.rest().startswith(b"HTTP/1.1 400 Bad Request")


@pytest.mark.parametrize("last", ["Connection: close\r\n", "Connection: CLOSE\r\n"])
def test_a_request_that_says_close_is_the_last(edge, faults, last):
    connection, = hold(faults, edge, post("m1", headers=last) + post("m2"))
    faults.clear()
    status, head, _ = connection.answer()
    assert status == 202 and "connection: close" in head
    assert connection.answer() is None
    assert [record["headers"]["messageId"] for record in edge.records()] == ["m1"]


def test_expect_100_continue_is_answered_with_the_final_status(edge):
    """As the RFC allows where the body comes anyway: clients send it after a second at most."""
    whole = post("m1", headers="Expect: 100-continue\r\n")
    connection = Connection(edge, whole.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
    assert edge.request("GET", "/health/live").status == 200
    assert connection.is_silent()
    connection.socket.sendall(whole.partition(b"\r\n\r\n")[2])
    assert connection.answer()[0] == 202
    # What would be refused is refused before the body.
    connection.socket.sendall(
        f"POST /api/events HTTP/1.1\r\nHost: x\r\nX-Write-Key: {KEY}\r\nExpect: 100-continue\r\nContent-Length: 2000000\r\n\r\n".encode())
    status, head, body = connection.answer()
    assert (status, body["code"]) == (413, "payload_too_large") and "connection: close" in head
    assert connection.answer() is None
