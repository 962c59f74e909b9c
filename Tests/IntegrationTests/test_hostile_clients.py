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

EVENT = json.dumps({"event": "vehicle_view", "userId": "user-1", "properties": {"text": "x" * 600}}).encode()
POST = f"POST /api/events HTTP/1.1\r\nHost: x\r\nX-Write-Key: {KEY}\r\nContent-Length: {len(EVENT)}\r\n\r\n".encode() + EVENT


class HonestClient(threading.Thread):
    """Posts one event after the other at a steady pace, every 100th on a new connection, and takes the times."""

    def __init__(self, port, pace=0.02):
        super().__init__(daemon=True)
        self.port, self.pace, self.times, self.problems, self.is_ended = port, pace, [], [], False

    def run(self):
        connection, count = None, 0
        while not self.is_ended:
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
            self.times.append((started, (time.monotonic() - started) * 1000))
            count += 1
            time.sleep(max(0, self.pace - (time.monotonic() - started)))


def latencies(service, seconds):
    """The 99th percentile, in milliseconds, of each half second of four honest clients, which together send 200 requests a
    second. All must be answered with 202."""
    clients = [HonestClient(service.port) for _ in range(4)]
    for client in clients:
        client.start()
    time.sleep(seconds)
    for client in clients:
        client.is_ended = True
        client.join()
    assert [problem for client in clients for problem in client.problems] == []
    times = sorted(pair for client in clients for pair in client.times)
    slices = (sorted(time for _, time in times[start:start + 100]) for start in range(0, len(times) - 99, 100))
    return [slice[98] for slice in slices]


@pytest.fixture
def edge(tmp_path):
    """Acknowledges before the sync: the disk's own unevenness would hide that of the edge."""
    with Service(tmp_path / "data", {"LOG_DURABILITY": "os"}, descriptors=16384) as service:
        service.request("GET", "/health/live")
        yield service


class Descriptors(threading.Thread):
    """Counts the service's descriptors as often as it can, for the most there were."""

    def __init__(self, service):
        super().__init__(daemon=True)
        self.service, self.before, self.most, self.is_ended = service, service.descriptor_count(), 0, False

    def run(self):
        while not self.is_ended:
            self.most = max(self.most, self.service.descriptor_count())
            time.sleep(0.002)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.is_ended = True
        self.join()


def test_deadlines(edge, measured):
    """Every kind of slowness at once. None comes before its time: ten seconds are also a slow network's."""
    slow = ["slow headers", "slow body", "slow chunks", "empty lines"]
    before = edge.descriptor_count()
    with Hostile(edge.port, {kind: 20 for kind in [*slow, "never reads", "idle"]}) as hostile:
        wait_until(lambda: edge.descriptor_count() >= before + 100, 20)
        wait_until(lambda: edge.descriptor_count() <= before + 20, 40)
        ends = hostile.end()
    measured(json.dumps(ends))
    for kind in slow:
        assert ends[kind]["answers"] == {"408": 20}, kind
        assert ends[kind]["seconds"][0] >= 10 and ends[kind]["seconds"][1] < 18, kind
    assert ends["never reads"]["closed"] == 20 and ends["never reads"]["seconds"][0] >= 10
    assert ends["idle"]["closed"] == 0, "silence between requests is allowed"
    wait_until(lambda: edge.descriptor_count() <= before, 10)


# What each of these attacks may add to the memory, in MiB, and to the descriptors. In all of them more is sent than that.
ATTACKS = {
    # 120 MB of bodies that never end: the held bytes are bounded by 64 MiB, and cost up to three times that.
    "stalled body": (4000, 256),
    "slow headers": (4000, 160),
    "idle": (5000, 160),
    "upgrade": (10, 24),
    "pipelines": (100, 32),
    "pipelines and half-closes": (100, 32),
    "never reads pipelines": (100, 48),
    "never reads": (50, 48),
    # A piece of a body takes fifty times its byte on its way to a route, were they not joined.
    "some chunks of one byte": (100, 24),
    "chunk extensions": (100, 24),
    "header flood": (500, 32),
}


@pytest.mark.parametrize("kind", ATTACKS)
def test_memory_and_descriptors_are_bounded_and_come_back(edge, kind, measured):
    count, mebibytes_max = ATTACKS[kind]
    edge.forget_peak()
    memory = edge.memory()[0]
    with Descriptors(edge) as descriptors, Hostile(edge.port, {kind: count}) as hostile:
        time.sleep(1)
        assert edge.request("GET", "/health/live").status == 200
        ends = hostile.end()
    wait_until(lambda: edge.descriptor_count() <= descriptors.before, 20)
    peak = edge.memory()[1]
    measured(f"{count} x {kind}: RSS {memory:.0f} MiB before, {peak:.0f} at most; descriptors {descriptors.before} before, "
             f"{descriptors.most} at most, {edge.descriptor_count()} after; {json.dumps(ends)}")
    assert descriptors.before < descriptors.most <= descriptors.before + count + 2
    assert peak - memory < mebibytes_max


STORM = {
    "idle": 5000, "slow headers": 300, "slow body": 300, "slow chunks": 100, "empty lines": 100, "stalled body": 300, "never reads": 20,
    "header flood": 5, "many headers": 5, "pipelines": 5, "some chunks of one byte": 1, "chunk extensions": 5, "garbage": 10, "upgrade": 1,
}


def test_honest_clients_hardly_notice(edge, measured):
    """In alternation, without and with everything at once. Whatever else the machine does comes in bursts and only adds to
    the times, so the lower quartiles are compared, and more rounds are made where three do not settle it. An attack that
    harms harms in all of them. (For the optimized build: in an unoptimized one each new connection copies a table of the
    framework with all connections.)"""
    latencies(edge, 1)
    before, most, quiet, attacked, ratio = edge.descriptor_count(), 0, [], [], 2
    edge.forget_peak()
    memory = edge.memory()[0]
    while len(quiet) < 12 or (ratio >= 2 and len(quiet) < 24):
        quiet += latencies(edge, 2)
        with Hostile(edge.port, STORM, persists=True) as hostile:
            wait_until(lambda: edge.descriptor_count() > before + 6000, 30)
            attacked += latencies(edge, 3)
            most = max(most, edge.descriptor_count())
            hostile.end()
        wait_until(lambda: edge.descriptor_count() <= before, 20)
        (low, middle, _), (low_attacked, middle_attacked, _) = statistics.quantiles(quiet), statistics.quantiles(attacked)
        ratio = low_attacked / low
    measured(f"p99 of half seconds in ms, quiet {low:.2f} (lower quartile) {middle:.2f} (median), attacked {low_attacked:.2f} "
             f"{middle_attacked:.2f}: {ratio:.2f} and {middle_attacked / middle:.2f} times; the quiet ones alone differ "
             f"{max(quiet) / min(quiet):.1f} times; RSS {memory:.0f} MiB before, {edge.memory()[1]:.0f} at most; "
             f"descriptors {before} before, {most} at most, {edge.descriptor_count()} after")
    assert ratio < 2


def test_connections_leave_the_log_its_descriptors(tmp_path, measured):
    """More connections than there are descriptors: those that are open go on, the log opens segment after segment, and who
    waits is served when the idle ones are closed, sooner than they would be with descriptors to spare."""
    limit, reserve = 256, 64 + 4 * 12
    with Service(tmp_path / "data", {"LOG_SEGMENT_BYTES": "65536"}, descriptors=limit) as service:
        before = service.descriptor_count()
        regular = socket.create_connection(("127.0.0.1", service.port))
        with Hostile(service.port, {"idle": 200}) as hostile:
            started = time.monotonic()
            wait_until(lambda: service.descriptor_count() > limit - reserve - 20, 10)
            late = socket.create_connection(("127.0.0.1", service.port))
            late.sendall(POST)
            late.setblocking(False)
            most, answer = 0, b""
            while not answer:
                time.sleep(0.02)
                regular.sendall(POST)
                assert regular.recv(4096).startswith(b"HTTP/1.1 202")
                segments = len(list(service.data_dir.glob("log/*/*.log")))
                most = max(most, service.descriptor_count() - segments)
                assert time.monotonic() < started + 30
                with contextlib.suppress(BlockingIOError):
                    answer = late.recv(4096)
            measured(f"descriptors {before} before, at most {most} beside those of {segments} segments, of {limit}; "
                     f"served after {time.monotonic() - started:.1f} s")
            assert answer.startswith(b"HTTP/1.1 202") and time.monotonic() - started > 10
            assert segments > 13, "more than one for each partition"
            assert most <= limit - reserve + 8, "but for a few that were accepted at once"
            hostile.end()
        regular.close()
        late.close()
        wait_until(lambda: service.descriptor_count() <= before + segments, 10)
