"""What is no HTTP, or lies: answered with 400, 408, 413 or 431, closed, and never stored."""
import contextlib
import json
import re
import socket

import pytest

from service import KEY, Service, wait_until

EVENT = b'{"event":"a","userId":"u"}'
HEAD = f"POST /api/events HTTP/1.1\r\nHost: x\r\nX-Write-Key: {KEY}\r\n".encode()
CHUNK = b"1a\r\n" + EVENT + b"\r\n"


def request(headers, body):
    return HEAD + headers + b"\r\n\r\n" + body


def chunked(body):
    return request(b"Transfer-Encoding: chunked", body)


@pytest.fixture(scope="module")
def edge(tmp_path_factory):
    """One service for all of them: each must leave it as it was."""
    with Service(tmp_path_factory.mktemp("edge") / "data") as service:
        yield service


def talk(service, data, half_close=False):
    """Sends `data`, reads until the service closes the connection, and returns the statuses and the last answer."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as connection:
        received = b""
        # Closed while there was more to send: what was answered can be read nevertheless, or the statuses lack it.
        with contextlib.suppress(ConnectionError):
            connection.sendall(data)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            while more := connection.recv(65536):
                received += more
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+)", received)], received.rpartition(b"\r\n\r\n")[2]


LIES = {
    # Lengths
    "negative length": (request(b"Content-Length: -5", EVENT), [400]),
    "signed length": (request(b"Content-Length: +26", EVENT), [400]),
    "hexadecimal length": (request(b"Content-Length: 0x1a", EVENT), [400]),
    "empty length": (request(b"Content-Length: ", EVENT), [400]),
    "length of 20 digits": (request(b"Content-Length: 99999999999999999999", EVENT), [400]),
    "largest length": (request(b"Content-Length: 9223372036854775807", EVENT), [413]),
    "the same length twice": (request(b"Content-Length: 26\r\nContent-Length: 26", EVENT), [400]),
    "two lengths": (request(b"Content-Length: 26\r\nContent-Length: 5", EVENT), [400]),
    "a list of lengths": (request(b"Content-Length: 26, 26", EVENT), [400]),
    "length and chunks": (request(b"Content-Length: 26\r\nTransfer-Encoding: chunked", CHUNK + b"0\r\n\r\n"), [400]),
    "chunks and length": (request(b"Transfer-Encoding: chunked\r\nContent-Length: 26", CHUNK + b"0\r\n\r\n"), [400]),
    "length too short": (request(b"Content-Length: 10", EVENT), [400, 400]),
    # Chunks
    "unknown transfer encoding": (request(b"Transfer-Encoding: gzip", EVENT), [400]),
    "chunked, but not last": (request(b"Transfer-Encoding: chunked, gzip", CHUNK), [400]),
    "chunk shorter than its content": (chunked(b"10\r\n" + EVENT + b"\r\n0\r\n\r\n"), [400]),
    "chunk size of 72 bits": (chunked(b"ffffffffffffffffff\r\n" + EVENT), [400]),
    "negative chunk size": (chunked(b"-1\r\n" + EVENT), [400]),
    "chunk size of letters": (chunked(b"zz\r\n" + EVENT), [400]),
    # The route answers without reading the body: no second answer may follow.
    "bad chunks that nobody reads": (b"POST /nowhere HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", [404]),
    "chunk extensions without end": (chunked(b"1;" + b"e" * 1_000_000), [413]),
    "trailers without end": (chunked(CHUNK + b"0\r\n" + b"X: " + b"y" * 100_000), [400]),
    # Headers
    "2000 headers": (HEAD + b"X: y\r\n" * 2000 + b"\r\n", [431]),
    "a header of 200 KB": (HEAD + b"X: " + b"y" * 200_000 + b"\r\n\r\n", [431]),
    "an address of 200 KB": (b"GET /" + b"x" * 200_000 + b" HTTP/1.1\r\n\r\n", [431]),
    "a header that does not end": (HEAD + b"X: " + b"y" * 17_000, [431]),
    # The decoder counts neither of these.
    "a value that does not begin": (HEAD + b"X:" + b" " * 100_000, [431]),
    "empty lines without end": (b"\r\n" * 50_000, [431]),
    "a name with a space": (HEAD + b"X Y: z\r\n\r\n", [400]),
    "a header without colon": (HEAD + b"X\r\n\r\n", [400]),
    "a header without name": (HEAD + b": y\r\n\r\n", [400]),
    "a zero byte": (HEAD + b"X: \0\r\n\r\n", [400]),
    "a folded header": (HEAD + b"X: y\r\n z\r\n\r\n", [400]),
    "line feeds alone": (HEAD.replace(b"\r\n", b"\n") + b"\n", [400]),
    # Other protocols
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [400]),
    "HTTP/0.9": (b"GET /\r\n\r\n", [400]),
    "TLS": (bytes.fromhex("16030100f1010000ed0303") + b"x" * 200, [400]),
    "bytes above 127": (bytes(range(128, 256)) * 100, [400]),
    "one line without end": (b"x" * 200_000, [400]),
    # The decoder reads nothing behind these: what is there must not pile up.
    "an upgrade": (b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n", [200]),
    "an upgrade, and 8 MiB": (b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n" + b"z" * (8 << 20), [200]),
    "a tunnel, and 8 MiB": (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n" + b"z" * (8 << 20), [404]),
}


@pytest.mark.parametrize("lie", LIES)
def test_lies_are_answered_and_closed(edge, lie):
    data, statuses = LIES[lie]
    assert talk(edge, data)[0] == statuses
    # A client that says that it is done must not get it through either.
    assert talk(edge, data, half_close=True)[0] == statuses
    assert edge.request("GET", "/health/live").status == 200


# The first is read without the decoder, the others by it.
@pytest.mark.parametrize("fields", [b"Content-Length: 27", b"X: \xe9\r\nContent-Length: 27", b"Connection: close\r\nContent-Length: 27"])
def test_a_body_that_ends_early_is_answered(edge, fields):
    statuses, answer = talk(edge, request(fields, EVENT), half_close=True)
    assert statuses == [400] and json.loads(answer)["code"] == "invalid_body"


def test_requests_read_by_the_decoder_and_without_it_alternate(edge):
    usual, decoded = request(b"Content-Length: 26", EVENT), request(b"X: \xe9\r\nContent-Length: 26", EVENT)
    other = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
    pieces = [usual, decoded, usual, other, usual, usual + decoded + usual, other, decoded, usual]
    with socket.create_connection(("127.0.0.1", edge.port), timeout=30) as connection:
        for piece in pieces:
            connection.sendall(piece)
            answered = b""
            while answered.count(b"HTTP/1.1 ") < piece.count(b" HTTP/1.1\r\n") or not answered.endswith((b"}", b"]")):
                answered += connection.recv(65536)
            assert set(re.findall(rb"HTTP/1\.1 (\d+)", answered)) <= {b"202", b"200"}


def test_every_refusal_has_a_code_and_a_message(edge):
    for lie in "negative length", "a header of 200 KB", "chunk extensions without end", "largest length":
        assert set(json.loads(talk(edge, LIES[lie][0])[1])) == {"code", "message"}


def test_who_stays_after_a_refusal_is_closed(service):
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as connection:
        connection.sendall(b"no HTTP\r\n\r\n")
        assert b" 400 " in connection.recv(65536)
        assert connection.recv(65536) == b""
        wait_until(lambda: service.connection_count() == 0, 10)


@pytest.mark.parametrize("whole", [
    request(b"Content-Length: 26", EVENT),
    # All of the event is there before the end: it must not count before the last chunk.
    chunked(b"a\r\n" + EVENT[:10] + b"\r\n10;x=y\r\n" + EVENT[10:] + b"\r\n0\r\nTrailer: x\r\n\r\n"),
], ids=["length", "chunks"])
def test_a_request_cut_at_any_byte_is_refused_and_not_stored(edge, whole):
    stored, descriptors = len(edge.records()), edge.descriptors_at_rest()
    for length in range(len(whole)):
        assert talk(edge, whole[:length], half_close=True)[0] == ([400] if length else []), whole[:length]
        with socket.create_connection(("127.0.0.1", edge.port)) as connection:
            connection.sendall(whole[:length])
    wait_until(lambda: edge.descriptor_count() <= descriptors, 10)
    assert len(edge.records()) == stored
    assert talk(edge, whole, half_close=True)[0] == [202]
    assert len(edge.records()) == stored + 1


def test_pipelined_requests_are_answered_in_their_order(edge):
    """As many as may wait at once; more only as answers make room, which the client sees from `Connection: close`."""
    paths = [f"/nowhere/{number}" for number in range(32)]
    statuses, _ = talk(edge, b"".join(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for path in paths), half_close=True)
    assert statuses == [404] * 32


def test_too_many_pipelined_requests_end_the_connection_after_the_first_ones(edge):
    statuses, last = talk(edge, b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n" * 5000)
    assert statuses and set(statuses) == {200}
    assert len(statuses) < 500, "one read's worth at most"
    assert last == b'{"status":"live"}', "the last answer is whole"
