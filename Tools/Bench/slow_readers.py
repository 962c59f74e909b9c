"""Kafka clients that ask for more than they take: each asks for the log from its beginning, again and again, and reads slowly or not at all."""
import selectors
import socket
import struct
import threading

CLIENT = b"slow"
# Of all answers together, far more than a connection holds.
REQUESTS, ANSWER_BYTES = 50, 1 << 20


def fetch(topic, partitions):
    """Fetch, version 4, of all partitions from offset 0."""
    wanted = b"".join(struct.pack(">iqi", partition, 0, ANSWER_BYTES) for partition in range(partitions))
    body = struct.pack(">iiiib", -1, 500, 1, ANSWER_BYTES, 0) + struct.pack(">ih", 1, len(topic)) + topic + struct.pack(">i", partitions) + wanted
    request = struct.pack(">hhih", 1, 4, 1, len(CLIENT)) + CLIENT + body
    return struct.pack(">i", len(request)) + request


class SlowReaders:
    """So many connections, each of which takes as many bytes a second; 0: none at all."""

    def __init__(self, target, topic, partitions, count, bytes_per_second):
        host, port = target.rsplit(":", 1)
        self.byte_count, self.bytes_per_second, self.over = 0, bytes_per_second, threading.Event()
        self.connections = []
        for _ in range(count):
            connection = socket.create_connection((host, int(port)))
            connection.sendall(fetch(topic.encode(), partitions) * REQUESTS)
            self.connections.append(connection)
        self.wait_for_answers()
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def wait_for_answers(self):
        """Each has got something, so that what it does not take is in the service's way, if it is in any."""
        with selectors.DefaultSelector() as selector:
            for connection in self.connections:
                selector.register(connection, selectors.EVENT_READ)
            while selector.get_map():
                ready = selector.select(30)
                if not ready:
                    raise RuntimeError("a reader was not answered")
                for key, _ in ready:
                    selector.unregister(key.fileobj)

    def read(self):
        if not self.bytes_per_second:
            return
        while not self.over.wait(0.1):
            for connection in self.connections:
                self.byte_count += len(connection.recv(self.bytes_per_second // 10, socket.MSG_DONTWAIT))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        for connection in self.connections:
            connection.close()
