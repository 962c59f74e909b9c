"""A few of Kafka's requests by hand: raw record batches to and from a broker, untouched by any client library."""
import socket
import struct


def text(value):
    data = value.encode()
    return struct.pack(">h", len(data)) + data


def call(address, api, version, body):
    """Sends one request and returns the answer's body."""
    host, port = address.rsplit(":", 1)
    request = struct.pack(">hhi", api, version, 1) + text("fixtures") + body
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        length = struct.unpack(">i", receive(connection, 4))[0]
        return receive(connection, length)[4:]


def receive(connection, count):
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            raise EOFError("the broker closed the connection")
        data += piece
    return data


def fetch(address, topic, partition, offset):
    """The record batches from `offset` on, as the broker stores them (Fetch, version 4)."""
    body = struct.pack(">iiiib", -1, 500, 1, 64 << 20, 0) + struct.pack(">i", 1) + text(topic)
    body += struct.pack(">i", 1) + struct.pack(">iqi", partition, offset, 64 << 20)
    answer = call(address, 1, 4, body)
    place = 4 + 4 + 2 + len(topic) + 4
    _, error, _, _, aborted = struct.unpack_from(">ihqqi", answer, place)
    assert error == 0, f"fetch failed with {error}"
    place += 26 + max(aborted, 0) * 16
    size = struct.unpack_from(">i", answer, place)[0]
    return answer[place + 4:place + 4 + size]


def end(address, topic, partition):
    """The offset behind the last record (ListOffsets, version 1)."""
    body = struct.pack(">ii", -1, 1) + text(topic) + struct.pack(">iiq", 1, partition, -1)
    answer = call(address, 2, 1, body)
    _, error, _, offset = struct.unpack_from(">ihqq", answer, 4 + 2 + len(topic) + 4)
    assert error == 0, f"list offsets failed with {error}"
    return offset


def produce(address, topic, partition, batch):
    """Hands a record batch to the broker as it is (Produce, version 3, acks=all); returns its base offset."""
    body = struct.pack(">hhi", -1, -1, 5000) + struct.pack(">i", 1) + text(topic)
    body += struct.pack(">i", 1) + struct.pack(">ii", partition, len(batch)) + batch
    answer = call(address, 0, 3, body)
    _, error, offset = struct.unpack_from(">ihq", answer, 4 + 2 + len(topic) + 4)
    assert error == 0, f"produce failed with {error}"
    return offset
