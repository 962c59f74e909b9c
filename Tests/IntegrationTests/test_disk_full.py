"""A full disk, for real: a small filesystem in memory, mounted for the test (as root)."""
import subprocess

import pytest

from service import Service, run


@pytest.fixture
def small_disk(tmp_path):
    path = tmp_path / "disk"
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(path)], check=True)
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
    assert (ready.status, ready.json["code"]) == (503, "not_writable")
    assert "No space left on device" in ready.json["message"]
    again = service.post("/api/events", batch(refused), compress="gzip")
    assert again.status == 503
    assert {r["headers"]["messageId"]: (r["partition"], r["offset"]) for r in service.records()}.items() >= acknowledged.items()
    service.stop()

    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    service.start()
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
