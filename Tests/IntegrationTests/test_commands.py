"""The command line, as a person uses it."""
import gzip
import json
import os
import pty
import socketserver
import subprocess
import threading

from service import BINARY, KEY, run


def events(count):
    return [{"event": "vehicle_view", "userId": f"u{n}", "properties": {"vehicleId": f"v{n}"}} for n in range(count)]


def test_send_posts_a_file_of_lines_and_says_what_became_of_it(service, tmp_path):
    path = tmp_path / "events.ndjson"
    path.write_text("\n".join(json.dumps(event) for event in events(1234)) + "\n")
    result = run("send", path, "--url", service.ready["http"], "--write-key", KEY)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("1234 stored, 0 duplicates, 0 rejected, 0 not sent")
    assert result.stderr == ""
    assert len(service.records()) == 1234


def test_send_takes_an_array_from_standard_input(service):
    result = run("send", "-", "--url", service.ready["http"], "--write-key", KEY, input=json.dumps(events(5)))
    assert (result.returncode, result.stdout.split(",")[0]) == (0, "5 stored")


def test_send_reports_rejected_events_and_fails(service, tmp_path):
    path = tmp_path / "events.ndjson"
    path.write_text('{"event":"a","userId":"u"}\n{"event":"b"}\n')
    result = run("send", path, "--url", service.ready["http"], "--write-key", KEY)
    assert result.returncode == 1
    assert "1 stored, 0 duplicates, 1 rejected" in result.stdout
    assert "event 2: userId or anonymousId is required" in result.stderr


def test_send_names_the_line_that_is_not_json(service, tmp_path):
    path = tmp_path / "events.ndjson"
    path.write_text('{"event":"a","userId":"u"}\n{"event":\n')
    result = run("send", path, "--url", service.ready["http"], "--write-key", KEY)
    assert result.returncode == 1
    assert "events.ndjson, line 2: not JSON" in result.stderr


def test_send_gives_up_on_a_service_that_is_not_there(tmp_path):
    path = tmp_path / "events.ndjson"
    path.write_text('{"event":"a","userId":"u"}\n')
    result = run("send", path, "--url", "http://127.0.0.1:1", "--write-key", KEY, "--attempts", 2)
    assert result.returncode == 1
    assert "0 stored, 0 duplicates, 0 rejected, 1 not sent, 1 retries" in result.stdout


def test_send_repeats_what_was_not_taken_with_the_same_ids(tmp_path):
    """A service that is overloaded once, breaks the connection once, and then takes the batch."""
    bodies, answers = [], [b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", b"", None]

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                line = self.rfile.readline()
                if not line:
                    return
                head += line
            length = int(next(line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")))
            bodies.append(json.loads(gzip.decompress(self.rfile.read(length))))
            answer = answers.pop(0)
            if answer is None:
                body = b'{"accepted":1,"duplicates":1,"rejected":0,"results":[]}'
                answer = b"HTTP/1.1 202 Accepted\r\nContent-Length: %d\r\n\r\n" % len(body) + body
            self.wfile.write(answer)

    path = tmp_path / "events.ndjson"
    path.write_text('{"event":"a","userId":"u"}\n{"event":"b","userId":"u","messageId":"mine"}\n')
    with socketserver.TCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        result = run("send", path, "--url", f"http://127.0.0.1:{server.server_address[1]}", "--write-key", KEY)
        server.shutdown()
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("1 stored, 1 duplicates, 0 rejected, 0 not sent, 2 retries")
    assert bodies[0] == bodies[1] == bodies[2]
    assert len(bodies[0][0]["messageId"]) == 36 and bodies[0][1]["messageId"] == "mine"


def on_a_terminal(*arguments):
    """Runs a command with standard error on a terminal; returns what it drew there."""
    leader, follower = pty.openpty()
    process = subprocess.Popen([BINARY, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=follower)
    os.close(follower)
    drawn = b""
    try:
        while piece := os.read(leader, 4096):
            drawn += piece
    except OSError:
        pass
    os.close(leader)
    assert process.wait(timeout=60) == 0
    return drawn.decode()


def test_progress_is_shown_on_a_terminal_only(service, tmp_path):
    path = tmp_path / "events.ndjson"
    path.write_text("\n".join(json.dumps(event) for event in events(500)))
    drawn = on_a_terminal("send", path, "--url", service.ready["http"], "--write-key", KEY)
    assert "send [" in drawn and "500/500 events" in drawn
    service.stop()
    assert "verify [" in on_a_terminal("log", "verify", "--data-dir", service.data_dir)
    assert run("log", "verify", "--data-dir", service.data_dir).stderr == ""


def test_topics_lists_offsets_beside_a_running_service(service):
    service.post("/api/events", events(50))
    result = run("log", "topics", "--data-dir", service.data_dir)
    assert result.returncode == 0
    rows = [line.split() for line in result.stdout.splitlines()]
    assert rows[0] == ["TOPIC", "PARTITION", "SEGMENTS", "BYTES", "START", "END", "RECORDS", "KEPT", "STATE"]
    assert {tuple(row[-2:]) for row in rows[1:]} == {("0", "open")}
    assert sum(int(row[-3]) for row in rows[1:] if row[0] == "okla.events.raw") == 50
    assert len(rows) == 1 + 12 + 1 + 12


def test_dump_selects_by_partition_and_offset(service):
    service.post("/api/events", [dict(event, userId="same") for event in events(30)])
    place = service.records()[0]["partition"]
    result = run("log", "dump", "--data-dir", service.data_dir, "--partition", place, "--from", 10, "--to", 13)
    assert [json.loads(line)["offset"] for line in result.stdout.splitlines()] == [10, 11, 12]
    result = run("log", "dump", "--data-dir", service.data_dir, "--partition", place, "--to", 1, "--format", "hex")
    offset, key, value = result.stdout.split()
    assert (offset, bytes.fromhex(key)) == ("0", b"same")
    assert json.loads(bytes.fromhex(value))["userId"] == "same"
    assert run("log", "dump", "--data-dir", service.data_dir, "--partition", 12).returncode == 1
    assert "there are okla.events.raw" in run("log", "dump", "--data-dir", service.data_dir, "--topic", "x").stderr


def test_verify_finds_a_flipped_bit_and_names_the_place(service):
    service.post("/api/events", [dict(event, userId="same") for event in events(30)])
    service.stop()
    result = run("log", "verify", "--data-dir", service.data_dir)
    assert result.returncode == 0 and result.stdout.startswith("ok: 25 partitions")
    path = next(p for p in service.data_dir.glob("log/okla.events.raw-*/*.log") if p.stat().st_size)
    data = bytearray(path.read_bytes())
    data[200] ^= 4
    path.write_bytes(data)
    result = run("log", "verify", "--data-dir", service.data_dir)
    assert result.returncode == 1
    assert f"{path} at byte 0, offset 0: CRC-32C is" in result.stdout


def test_log_commands_say_where_there_is_no_log(tmp_path):
    result = run("log", "topics", "--data-dir", tmp_path)
    assert result.returncode == 1
    assert "holds no log" in result.stderr


def test_an_address_in_use_is_refused_clearly(service, tmp_path):
    result = run("serve", "--port", service.port, "--data-dir", tmp_path / "other")
    assert result.returncode == 1
    assert f"cannot listen on 127.0.0.1:{service.port}: Address already in use" in result.stderr
