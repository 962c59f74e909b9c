"""A full disk, for real: a small filesystem in memory, mounted for the test (as root)."""
import subprocess

import pytest

from service import Service, run


@pytest.fixture
def small_disk(tmp_path):
    path = tmp_path / "disk"
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(path)], check=True)
    yield path
    subprocess.run(["umount", str(path)], check=True)


def batch(number):
    """100 events that hardly compress."""
    import random
    noise = random.Random(number)
    return [{"event": "a", "userId": f"u{n}", "messageId": f"m-{number}-{n}", "properties": {"x": noise.randbytes(150).hex()}}
            for n in range(100)]


def test_a_full_disk_answers_503_loses_nothing_and_heals(small_disk):
    service = Service(small_disk / "data").start()
    acknowledged = {}
    refused = None
    for number in range(200):
        answer = service.post("/api/events?receipts=true", batch(number), compress="gzip")
        if answer.status != 202:
            refused = number
            break
        for result in answer.json["results"]:
            acknowledged[result["messageId"]] = (result["partition"], result["offset"])
    assert refused is not None
    assert (answer.status, answer.json["code"]) == (503, "unavailable")
    assert "No space left on device" in answer.json["message"] and "same messageIds" in answer.json["message"]
    assert answer.headers["retry-after"] == "1"
    ready = service.request("GET", "/health/ready")
    assert (ready.status, ready.json["code"]) == (503, "low_space")
    assert "No space left on device" in ready.json["message"]
    again = service.post("/api/events", batch(refused), compress="gzip")
    assert again.status == 503
    assert {r["headers"]["messageId"]: (r["partition"], r["offset"]) for r in service.records()}.items() >= acknowledged.items()
    # Nothing was written, so no restart is needed.
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    assert service.request("GET", "/health/ready").status == 200
    for number in range(refused + 1):
        answer = service.post("/api/events", batch(number), compress="gzip")
        assert answer.status == 202
        assert answer.json["rejected"] == 0
        assert number == refused or answer.json["duplicates"] == 100
    found = [r["headers"]["messageId"] for r in service.records()]
    assert sorted(found) == sorted(e["messageId"] for number in range(refused + 1) for e in batch(number))
    service.stop()
    assert run("log", "verify", "--data-dir", service.data_dir).returncode == 0


def test_below_the_reserve_events_are_refused_before_the_disk_is_full(small_disk):
    service = Service(small_disk / "data", {"LOG_MIN_FREE_BYTES": "500000"}).start()
    accepted = 0
    while (answer := service.post("/api/events", batch(accepted), compress="gzip")).status == 202:
        accepted += 1
        assert accepted < 100
    assert accepted > 3
    assert (answer.status, answer.json["code"]) == (503, "unavailable")
    assert "Log.MinFreeBytes keeps 500000" in answer.json["message"] and answer.headers["retry-after"] == "1"
    ready = service.request("GET", "/health/ready")
    assert (ready.status, ready.json["code"]) == (503, "low_space")
    assert "make room" in ready.json["message"] and "partitions" not in ready.json
    metrics = dict(line.rsplit(" ", 1) for line in service.request("GET", "/metrics").body.decode().splitlines() if line[0] != "#")
    assert metrics["log_low_space"] == "1" and int(metrics["log_disk_free_bytes"]) < 500000 == int(metrics["log_min_free_bytes"])
    assert metrics['log_partitions{state="open"}'] == "25" and metrics['log_partitions{state="poisoned"}'] == "0"
    assert len(service.records()) == 100 * accepted

    subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True)
    again = service.post("/api/events", batch(accepted), compress="gzip")
    assert again.status == 202 and again.json["accepted"] == 100, "room is enough, no restart is needed"
    assert service.request("GET", "/health/ready").status == 200
    service.stop()
    assert run("log", "verify", "--data-dir", service.data_dir).returncode == 0


def test_metrics_are_for_the_machine_itself_unless_they_are_public(tmp_path):
    with Service(tmp_path / "data") as service:
        assert service.request("GET", "/metrics").status == 200
        refused = service.request("GET", "/metrics", headers={"X-Forwarded-For": "10.0.0.1"})
        assert (refused.status, refused.json["code"]) == (403, "not_local")
    with Service(tmp_path / "open", {"METRICS_PUBLIC": "true"}) as service:
        assert service.request("GET", "/metrics", headers={"X-Forwarded-For": "10.0.0.1"}).status == 200
