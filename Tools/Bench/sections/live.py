"""What those who watch events as they come cost those who post them."""
import selectors
import socket
import threading

import peers.ours
import report
from run import client_threads, median
from workspace import fresh_folder

TITLE = "Live readers"
GOAL_LOSS = 0.10
READERS = 100
# What a reader asks for: everything; or what never comes, so that all is looked through for nothing.
KINDS = {"who get everything": "", "who wait for one user": "?userId=nobody", "who wait for an event": "?event=never"}


class Readers:
    """Many connections of one thread, which throws away what comes, and comes again where it was dropped."""

    def __init__(self, port, query):
        self.port, self.query, self.byte_count, self.drops = port, query, 0, 0
        self.selector, self.over = selectors.DefaultSelector(), threading.Event()
        for _ in range(READERS):
            self.connect()
        # What ended the thread, if anything did.
        self.failure = None
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.port))
        connection.settimeout(30)
        connection.sendall(f"GET /api/admin/events/live{self.query} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer bench\r\n\r\n".encode())
        status = connection.recv(12)
        if status != b"HTTP/1.1 200":
            raise RuntimeError(f"a reader was not taken: {status.decode(errors='replace')}")
        connection.setblocking(False)
        self.selector.register(connection, selectors.EVENT_READ)

    def read(self):
        try:
            self.read_all()
        except Exception as error:
            self.failure = error

    def read_all(self):
        buffer = bytearray(1 << 18)
        while not self.over.is_set():
            for key, _ in self.selector.select(0.1):
                try:
                    count = key.fileobj.recv_into(buffer)
                except ConnectionResetError:
                    count = 0
                self.byte_count += count
                if count == 0:
                    self.drops += 1
                    self.selector.unregister(key.fileobj)
                    key.fileobj.close()
                    self.connect()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()
        if self.failure:
            raise self.failure


def measure(run):
    events = run.events * 5
    rounds = {"nobody": [], **{kind: [] for kind in KINDS}}
    for number in range(1, run.rounds + 1):
        for kind in rounds:
            run.progress(f"live: round {number} of {run.rounds}: {kind}")
            with fresh_folder() as folder, peers.ours.start(folder, ADMIN_TOKEN="bench") as server:
                server.load(5000, 100, 8)
                rounds[kind].append(loaded(server, events, KINDS.get(kind)))
    base = median(rounds["nobody"], "per_s")
    lines = [{"name": kind if kind == "nobody" else f"{READERS} {kind}", "ratio": median(found, "per_s") / base,
              **{key: median(found, key) for key in ("per_s", "p99_ms", "cpu_us", "given_mb_s")}} for kind, found in rounds.items()]
    report.say(f"{events:,} events in gzip batches of 100 on 8 connections, as fast as they go, while others watch. The readers share the cores.", "")
    report.table([("who watches", "", "name"), ("events/s", ",.0f", "per_s"), ("of those with nobody", ".2f", "ratio"), ("ack p99 ms", ".2f", "p99_ms"),
                  ("server CPU us/event", ".2f", "cpu_us"), ("given to readers, MB/s", ".1f", "given_mb_s")], lines)
    for line in lines[1:]:
        run.goal("live", f"ingest lost to {line['name']}", 1 - line["ratio"], GOAL_LOSS, "")
    return {"rounds": rounds}


def loaded(server, events, query):
    def load():
        cpu = server.cpu_seconds()
        found = server.load(events, 100, 8, threads=client_threads())
        return {**found, "cpu_us": (server.cpu_seconds() - cpu) / events * 1e6}
    if query is None:
        return {**load(), "given_mb_s": 0.0}
    with Readers(int(server.target), query) as readers:
        found = load()
        return {**found, "given_mb_s": readers.byte_count / (events / found["per_s"]) / 1e6, "drops": readers.drops}
