"""Hostile clients, many at once, in a process of their own: `hostile.py PORT '{"slow headers": 100, ...}'`.

Prints a line when all of them are connected, and at SIGTERM, as JSON, what became of them. With `--persist` a client
whose connection was closed comes back a second later; with `--yield` the process takes no time that others want.
"""
import collections
import json
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import time

KEY = "test-key"
POST = f"POST /api/events HTTP/1.1\r\nHost: x\r\nX-Write-Key: {KEY}\r\n"


def chunked(data):
    return f"{POST}Transfer-Encoding: chunked\r\n\r\n".encode() + data


def whole(body):
    head = POST.replace("/events", "/events?receipts=true")
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


class Kind:
    """What a client sends at once, what it sends each second, and whether it reads."""

    def __init__(self, first=b"", drip=b"", reads=True, half_closes=False):
        self.first, self.drip, self.reads, self.half_closes = first, drip, reads, half_closes


KINDS = {
    "idle": Kind(),
    "slow headers": Kind(POST.encode() + b"X-", b"y"),
    "slow body": Kind(f"{POST}Content-Length: 30000\r\n\r\n".encode(), b" "),
    "slow chunks": Kind(chunked(b""), b"1\r\n \r\n"),
    "empty lines": Kind(b"\r\n", b"\r\n"),
    "stalled body": Kind(f"{POST}Content-Length: 32000\r\n\r\n".encode() + b" " * 30000),
    # Answers repeat the path, so a few requests fill every buffer on the way back.
    "never reads": Kind(f"GET /{'x' * 8000} HTTP/1.1\r\nHost: x\r\n\r\n".encode() * 60, reads=False),
    "never reads pipelines": Kind(b"GET / HTTP/1.1\r\n\r\n" * 60000, reads=False),
    # So long that a read has fewer of them than may wait.
    "never reads posts": Kind(whole(b'{"event":"a","userId":"u","text":"%s"}' % (b"x" * 700)) * 5000, reads=False),
    "never reads refusals": Kind(b"POST /api/events HTTP/1.1\r\nOrigin: http://a\r\n\r\n" * 60000, reads=False),
    "pipelines": Kind(b"GET / HTTP/1.1\r\n\r\n" * 30000),
    "pipelines and half-closes": Kind(b"GET / HTTP/1.1\r\n\r\n" * 60000, reads=False, half_closes=True),
    "header flood": Kind(POST.encode() + b"X: " + b"y" * 200_000),
    "many headers": Kind(POST.encode() + b"X: y\r\n" * 2000 + b"\r\n"),
    "chunks of one byte": Kind(chunked(b"1\r\n \r\n" * 60000)),
    "some chunks of one byte": Kind(chunked(b"1\r\n \r\n" * 5000)),
    "chunk extensions": Kind(chunked(b"1;" + b"e" * 2_000_000)),
    "garbage": Kind(bytes(range(128, 256)) * 100),
    "upgrade": Kind(b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n" + b"z" * (32 << 20)),
}


class Client:
    def __init__(self, kind, address):
        self.kind, self.address, self.how = kind, address, KINDS[kind]
        self.status, self.is_connected = None, False
        self.unsent = memoryview(self.how.first)
        self.socket = socket.socket()
        self.socket.setblocking(False)
        if not self.how.reads:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.connect_ex(address)
        self.opened = time.monotonic()

    def events(self):
        return (select.EPOLLIN if self.how.reads else 0) | (select.EPOLLOUT if self.unsent else 0) | select.EPOLLRDHUP

    def send(self):
        """False: the connection is closed."""
        try:
            while self.unsent:
                self.unsent = self.unsent[self.socket.send(self.unsent[:65536]):]
            if self.how.half_closes:
                self.socket.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            pass
        except OSError:
            self.unsent = memoryview(b"")
            return False
        return True

    def receive(self):
        """False: the connection is closed."""
        try:
            while data := self.socket.recv(65536):
                self.status = self.status or int(data.split(b" ", 2)[1])
            return False
        except BlockingIOError:
            return True
        except OSError:
            return False


class Attack:
    def __init__(self, address, counts, persists):
        self.address, self.persists, self.is_ended = address, persists, False
        self.poll, self.clients, self.connecting = select.epoll(), {}, 0
        self.returning, self.dripping = collections.deque(), collections.deque()
        self.opened, self.closed = collections.Counter(), collections.defaultdict(list)
        # In turns, so that no kind waits for the connecting of all the others.
        self.pending = collections.deque(sorted(
            (number / count, kind) for kind, count in counts.items() for number in range(count)))

    def open(self, kind):
        client = Client(kind, self.address)
        self.clients[client.socket.fileno()] = client
        self.poll.register(client.socket, client.events() | select.EPOLLOUT)
        self.opened[kind] += 1
        self.connecting += 1

    def close(self, client):
        del self.clients[client.socket.fileno()]
        client.socket.close()
        self.closed[client.kind].append((client.status, round(time.monotonic() - client.opened, 3)))
        if self.persists:
            self.returning.append((time.monotonic() + 1, client.kind))

    def run(self):
        is_ready = False
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "is_ended", True))
        while not self.is_ended:
            # What goes above the listener's backlog is dropped, and would only be tried again after seconds.
            while self.pending and self.connecting < 200:
                self.open(self.pending.popleft()[1])
            if not is_ready and not self.pending and not self.connecting:
                is_ready = True
                print("ready", flush=True)
            now = time.monotonic()
            while self.returning and self.returning[0][0] <= now:
                self.open(self.returning.popleft()[1])
            while self.dripping and self.dripping[0][0] <= now:
                self.drip(self.dripping.popleft()[1])
            self.act_on_events(0 if self.pending else 0.05)
        # Nothing new any more, but what has already become of the others counts.
        self.persists, deadline = False, time.monotonic() + 5
        while self.act_on_events(0.2) and time.monotonic() < deadline:
            pass

    def act_on_events(self, seconds):
        events = self.poll.poll(seconds)
        for descriptor, happened in events:
            self.act(self.clients[descriptor], happened)
        return events

    def act(self, client, happened):
        if not client.is_connected:
            client.is_connected = True
            self.connecting -= 1
            if client.how.drip:
                self.dripping.append((time.monotonic() + 1, client))
        is_open = client.send()
        if client.how.reads or happened & (select.EPOLLHUP | select.EPOLLERR):
            is_open = client.receive() and is_open
        if is_open and not happened & select.EPOLLHUP:
            self.poll.modify(client.socket, client.events())
        else:
            self.close(client)

    def drip(self, client):
        if self.clients.get(client.socket.fileno()) is client:
            if not client.unsent:
                client.unsent = memoryview(client.how.drip)
                client.send()
            self.dripping.append((time.monotonic() + 1, client))

    def summary(self):
        return {kind: {"opened": opened, "closed": len(self.closed[kind]), "answers": dict(collections.Counter(
            str(status) for status, _ in self.closed[kind])), "seconds": [f([s for _, s in self.closed[kind]], default=None)
                                                                       for f in (min, max)]}
                for kind, opened in self.opened.items()}


class Hostile:
    """The process, from where the test stands. `yields`: it has only the processor time that nobody else wants."""

    def __init__(self, port, counts, persists=False, yields=False):
        options = [option for option, is_set in [("--persist", persists), ("--yield", yields)] if is_set]
        self.process = subprocess.Popen(
            [sys.executable, __file__, str(port), json.dumps(counts), *options], stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        assert self.process.stdout.readline() == "ready\n"
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def end(self):
        """What became of the clients, by kind."""
        self.process.send_signal(signal.SIGTERM)
        return json.loads(self.process.stdout.readline())


if __name__ == "__main__":
    descriptors = 16384
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, max(descriptors, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
    if "--yield" in sys.argv:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    attack = Attack(("127.0.0.1", int(sys.argv[1])), json.loads(sys.argv[2]), "--persist" in sys.argv)
    attack.run()
    print(json.dumps(attack.summary()), flush=True)
