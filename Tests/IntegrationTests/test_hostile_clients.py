"""Clients that take without giving, many at once: what they cost the service, and the others."""
import contextlib
import json
import socket
import statistics
import threading
import time

import pytest

from hostile import Hostile
from service import KEY, Service, wait_until

pytestmark = pytest.mark.alone

EVENT = json.dumps({"event": "vehicle_view", "userId": "user-1", "properties": {"vehicleId": "v-1", "text": "x" * 600}}).encode()
POST = f"POST /api/events HTTP/1.1\r\nHost: x\r\nX-Write-Key: {KEY}\r\nContent-Length: {len(EVENT)}\r\n\r\n".encode() + EVENT


class HonestClient(threading.Thread):
    """Posts one event after the other at a steady pace, every 100th on a new connection, and takes the times."""

    def __init__(self, port, pace=0.02):
        super().__init__(daemon=True)
        self.port, self.pace, self.times, self.problems, self.ended = port, pace, [], [], threading.Event()

    def run(self):
        connection, count = None, 0
        while not self.ended.is_set():
            started = time.monotonic()
            try:
                if count % 100 == 0:
                    connection = socket.create_connection(("127.0.0.1", self.port), timeout=10)
                connection.sendall(POST)
                answer = connection.recv(4096)
                if not answer.startswith(b"HTTP/1.1 202"):
                    self.problems.append(answer[:100])
            except OSError as error:
                self.problems.append(error)
                return
            self.times.append((time.monotonic() - started) * 1000)
            count += 1
            self.ended.wait(max(0, self.pace - (time.monotonic() - started)))


def latency(service, count=600):
    """The 99th percentile, in milliseconds, of `count` requests of four honest clients, which together send 200 a second. All must be
    answered with 202."""
    clients = [HonestClient(service.port) for _ in range(4)]
    for client in clients:
        client.start()
    wait_until(lambda: sum(len(client.times) for client in clients) >= count or any(client.problems for client in clients))
    for client in clients:
        client.ended.set()
        client.join()
    assert [problem for client in clients for problem in client.problems] == []
    return statistics.quantiles([time for client in clients for time in client.times], n=100)[98]


@pytest.fixture
def edge(tmp_path):
    """Acknowledges before the sync: the disk's own unevenness would hide that of the edge."""
    with Service(tmp_path / "data", {"LOG_DURABILITY": "os"}, descriptors=16384) as service:
        service.request("GET", "/health/live")
        yield service


def wait_until_steady(service):
    """Waits until the service takes no more memory: for a second its peak stays what it is."""
    since, peak = time.monotonic(), service.memory()[1]

    def is_steady():
        nonlocal since, peak
        if service.memory()[1] != peak:
            since, peak = time.monotonic(), service.memory()[1]
        return time.monotonic() - since > 1

    wait_until(is_steady)


class Descriptors(threading.Thread):
    """Counts the service's descriptors as often as it can, for the most there were."""

    def __init__(self, service):
        super().__init__(daemon=True)
        self.service, self.before, self.most, self.ended = service, service.descriptors_at_rest(), 0, threading.Event()

    def run(self):
        while not self.ended.wait(0.002):
            self.most = max(self.most, self.service.descriptor_count())

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.join()


def test_deadlines(edge, measured):
    """Every kind of slowness at once. None comes before its time: ten seconds are also a slow network's."""
    slow = ["slow headers", "slow body", "slow chunks", "empty lines"]
    before = edge.descriptors_at_rest()
    with Hostile(edge.port, {kind: 20 for kind in [*slow, "never reads", "idle"]}) as hostile:
        wait_until(lambda: edge.descriptor_count() >= before + 100, 20)
        wait_until(lambda: edge.descriptor_count() <= before + 20, 40)
        ends = hostile.end()
    measured(json.dumps(ends))
    for kind in slow:
        assert ends[kind]["answers"] == {"408": 20}, kind
        assert ends[kind]["seconds"][0] >= 10, kind
    assert ends["never reads"]["closed"] == 20 and ends["never reads"]["seconds"][0] >= 10
    assert ends["idle"]["closed"] == 0, "silence between requests is allowed"
    wait_until(lambda: edge.descriptor_count() <= before, 10)


# How many clients; what they may add to the memory, in MiB: in all of these attacks more is sent than that; and what becomes of
# them: the status with which they are closed; STAY: nothing before their deadline; EVICTED: some are closed, and most of these told.
STAY, EVICTED, DEADLINE = "stay", "evicted", 10
ATTACKS = {
    # 120 MB of bodies that never end: the held bytes are bounded by 64 MiB, and cost up to three times that.
    "stalled body": (4000, 256, EVICTED),
    "slow headers": (4000, 160, STAY),
    "idle": (5000, 160, STAY),
    "upgrade": (10, 24, "200"),
    "pipelines": (100, 32, "404"),
    "pipelines and half-closes": (100, 32, None),
    "never reads pipelines": (100, 48, STAY),
    "never reads": (50, 48, STAY),
    # What is taken is read again by the consumers of the log, in pieces of a megabyte.
    "never reads posts": (100, 72, STAY),
    "never reads refusals": (100, 48, STAY),
    # A piece of a body takes fifty times its byte on its way to a route, were they not joined.
    "some chunks of one byte": (100, 24, STAY),
    "chunk extensions": (100, 24, "413"),
    "header flood": (500, 32, "431"),
}


@pytest.mark.parametrize("kind", ATTACKS)
def test_memory_and_descriptors_are_bounded_and_come_back(edge, kind, measured):
    count, mebibytes_max, fate = ATTACKS[kind]
    edge.forget_peak()
    memory = edge.memory()[0]
    started = time.monotonic()
    with Descriptors(edge) as descriptors, Hostile(edge.port, {kind: count}) as hostile:
        if fate == STAY:
            wait_until(lambda: edge.connection_count() >= count or time.monotonic() > started + DEADLINE)
        elif fate == EVICTED:
            wait_until(lambda: edge.memory()[1] > memory + 60)
        elif fate:
            wait_until(lambda: edge.connection_count() == 0)
        wait_until_steady(edge)
        assert edge.request("GET", "/health/live").status == 200
        ends = hostile.end()
    wait_until(lambda: edge.descriptor_count() <= descriptors.before, 20)
    peak = edge.memory()[1]
    measured(f"{count} x {kind}: RSS {memory:.0f} MiB before, {peak:.0f} at most; descriptors {descriptors.before} before, "
             f"{descriptors.most} at most, {edge.descriptor_count()} after; {json.dumps(ends)}")
    assert ends[kind]["opened"] == count
    if fate == STAY:
        assert ends[kind]["closed"] == 0 or ends[kind]["seconds"][0] >= DEADLINE
    elif fate == EVICTED:
        # Closing at once may take the answer along.
        assert set(ends[kind]["answers"]) <= {"503", "None"} and ends[kind]["answers"]["503"] > 100
    elif fate:
        assert set(ends[kind]["answers"]) == {fate}
    # The request above, and a file of the log's upkeep.
    assert descriptors.most <= descriptors.before + count + 4
    assert peak - memory < mebibytes_max


STORM = {
    "idle": 5000, "slow headers": 300, "slow body": 300, "slow chunks": 100, "empty lines": 100, "stalled body": 300, "never reads": 20,
    "header flood": 5, "many headers": 5, "pipelines": 5, "some chunks of one byte": 1, "chunk extensions": 5, "garbage": 10, "upgrade": 1,
}


def test_honest_clients_hardly_notice(edge, measured):
    """In alternation, without and with everything at once. Whatever else the machine does comes in bursts and only adds to
    the times, so the lower quartiles of some rounds are compared, and more rounds are made where a few do not settle it. Each round is
    three seconds long: what an attack does once a second is in all of them. (For the optimized build: in an unoptimized one each new
    connection copies a table of the framework with all connections.)"""
    latency(edge, 200)
    before, most, quiet, attacked, ratio, started = edge.descriptors_at_rest(), 0, [], [], 2, time.monotonic()
    edge.forget_peak()
    memory = edge.memory()[0]
    while len(quiet) < 4 or (ratio >= 2 and time.monotonic() < started + 240):
        quiet.append(latency(edge))
        with Hostile(edge.port, STORM, persists=True, yields=True) as hostile:
            # Some of the others are on their way back.
            wait_until(lambda: edge.descriptor_count() > before + 5500)
            attacked.append(latency(edge))
            most = max(most, edge.descriptor_count())
            hostile.end()
        wait_until(lambda: edge.descriptor_count() <= before, 20)
        if len(quiet) >= 4:
            (low, middle, _), (low_attacked, middle_attacked, _) = statistics.quantiles(quiet), statistics.quantiles(attacked)
            ratio = low_attacked / low
    measured(f"p99 of rounds of 600 requests in ms, quiet {low:.2f} (lower quartile) {middle:.2f} (median), attacked {low_attacked:.2f} "
             f"{middle_attacked:.2f}: {ratio:.2f} and {middle_attacked / middle:.2f} times; the quiet ones alone differ "
             f"{max(quiet) / min(quiet):.1f} times; RSS {memory:.0f} MiB before, {edge.memory()[1]:.0f} at most; "
             f"descriptors {before} before, {most} at most, {edge.descriptor_count()} after")
    assert ratio < 2


def test_connections_leave_the_log_its_descriptors(tmp_path, measured):
    """More connections than there are descriptors: those that are open go on, the log opens segment after segment, and who
    waits is served when the idle ones are closed, sooner than they would be with descriptors to spare."""
    limit, reserve = 320, 64 + 4 * 24
    with Service(tmp_path / "data", {"LOG_SEGMENT_BYTES": "65536", "KAFKA_LISTEN": ""}, descriptors=limit) as service:
        before = service.descriptors_at_rest()
        regular = socket.create_connection(("127.0.0.1", service.port))
        started = time.monotonic()
        with Hostile(service.port, {"idle": 200}) as hostile:
            wait_until(lambda: service.descriptor_count() > limit - reserve - 20, 10)
            late = socket.create_connection(("127.0.0.1", service.port))
            late.sendall(POST)
            late.settimeout(0.02)
            most, segments, answer = 0, 0, b""
            while not answer or segments <= 25:
                regular.sendall(POST)
                assert regular.recv(4096).startswith(b"HTTP/1.1 202")
                segments = len(list(service.data_dir.glob("log/*/*.log")))
                most = max(most, service.descriptor_count() - segments)
                assert time.monotonic() < started + 180
                with contextlib.suppress(TimeoutError):
                    if not answer:
                        answer = late.recv(4096)
                        waited = time.monotonic() - started
            measured(f"descriptors {before} before, at most {most} beside those of {segments} segments, of {limit}; "
                     f"served after {waited:.1f} s")
            assert answer.startswith(b"HTTP/1.1 202") and waited > 10
            assert most <= limit - reserve + 8, "but for a few that were accepted at once"
            hostile.end()
        regular.close()
        late.close()
        wait_until(lambda: service.descriptor_count() <= before + segments, 10)
