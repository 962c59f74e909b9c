"""The service listens while it recovers, and says what it is doing."""
import os
import socket

from service import KEY, Service, wait_until


def test_health_is_live_at_once_and_ready_when_recovered(tmp_path):
    with Service(tmp_path / "data") as first:
        assert first.post("/api/events", {"event": "a", "userId": "u", "messageId": "m"}).status == 202
        first.kill()
    # A pipe in place of a file that recovery reads: it waits there until somebody writes.
    pipe = first.data_dir / "log" / "recovery-point-offset-checkpoint"
    pipe.unlink(missing_ok=True)
    os.mkfifo(pipe)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    service = Service(first.data_dir, arguments=["--port", str(port)])
    service.start(wait=False)
    service.port = port
    try:
        def is_live():
            try:
                return service.request("GET", "/health/live").status == 200
            except OSError:
                return False
        wait_until(is_live)
        ready = service.request("GET", "/health/ready")
        assert (ready.status, ready.json["code"]) == (503, "starting")
        assert ready.headers["retry-after"] == "1"
        answer = service.post("/api/events", {"event": "b", "userId": "u"})
        assert (answer.status, answer.json["code"]) == (503, "starting")
        assert answer.headers["retry-after"] == "1"

        with open(pipe, "w"):
            pass
        assert b'"ready":true' in service.process.stdout.readline()
        assert service.request("GET", "/health/ready").status == 200
        assert service.post("/api/events", {"event": "a", "userId": "u", "messageId": "m"}, key=KEY).json["duplicates"] == 1
    finally:
        service.kill()
