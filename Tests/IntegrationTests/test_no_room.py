"""A disk without a free byte, for real: a small filesystem, mounted for the test (as root)."""
import errno
import os
import re
import subprocess

import pytest

from disk import Disk
from refusal import check_refusal
from scrape import Scrape
from sender import Sender
from service import Service, run, wait_until

TOPIC = "okla.events.raw"
SETTINGS = {"KAFKA_PARTITIONS": "2", "LOG_SEGMENT_BYTES": "65536", "EVENT_TRACKING_MAX_PAYLOAD_SIZE": "1048576"}


@pytest.fixture(params=["tmpfs", "ext4"])
def small_disk(request, tmp_path):
    if request.param == "tmpfs":
        path = tmp_path / "disk"
        path.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(path)], check=True)
    else:
        disk = Disk(tmp_path, megabytes=24)
        disk.make()
        path = disk.path
    yield path
    for service in set(Service.running):
        service.kill()
    if request.param == "tmpfs":
        subprocess.run(["umount", str(path)], check=True)
    else:
        disk.unmount()
        disk.remove()


def serve(disk, tmp_path):
    """A sender to a service on the disk; what that says goes elsewhere."""
    sender = Sender(Service(disk / "data", SETTINGS, log_path=tmp_path / "log").start())
    sender.learn_users()
    return sender


def fill(folder):
    """Takes the last byte."""
    with open(folder / "filler", "ab", buffering=0) as file:
        written = True
        while written:
            written = False
            for size in [1 << 20, 4096, 1]:
                try:
                    while file.write(bytes(size)):
                        written = True
                except OSError as error:
                    assert error.errno == errno.ENOSPC
            os.fsync(file.fileno())
    assert os.statvfs(folder).f_bavail == 0


TORN = bytes(range(1, 256)) * 40


def tear(sender, partition):
    """Puts bytes behind a partition's last batch, as a write that was cut off leaves them."""
    last = sorted((sender.service.data_dir / f"log/{TOPIC}-{partition}").glob("*.log"))[-1]
    with open(last, "ab") as file:
        file.write(TORN)


def torn_pieces(sender):
    """What recovery has kept of torn tails."""
    return list(sender.service.data_dir.glob("log/*/*.torn-*"))


@pytest.mark.parametrize("state", ["stopped", "killed", "torn", "without what may be deleted"])
def test_a_start_without_a_free_byte_serves_reads_and_room_makes_all_well(state, small_disk, tmp_path):
    sender = serve(small_disk, tmp_path)
    for _ in range(5):
        assert sender.send(0, 1).status == 202
    if state == "killed":
        sender.service.kill()
    else:
        assert sender.service.stop() == 0
    log = sender.service.data_dir / "log"
    if state == "torn":
        tear(sender, 0)
    if state == "without what may be deleted":
        for path in [log / ".lock", log / "recovery-point-offset-checkpoint", *log.glob("*/leader-epoch-checkpoint")]:
            path.unlink()
    fill(small_disk)

    for number in range(3):
        sender.service.start()
        sender.check_log()
        for partition in [0, 1]:
            answer = sender.send(partition)
            # A few bytes may be free in the last block of a file, not 20,000.
            assert answer.status == 503
            ready = sender.service.request("GET", "/health/ready")
            assert (ready.status, ready.json["code"]) == (503, "low_space")
            for message in [answer.json["message"], ready.json["message"]]:
                assert os.strerror(errno.ENOSPC) in message
        topics = run("log", "topics", "--data-dir", sender.service.data_dir).stdout
        # Where the lock's file is new, there is no room in it to say how the partitions are.
        known = rf"^log: low-space: .*{os.strerror(errno.ENOSPC)}"
        unknown = rf"^{TOPIC} +0 .* \?$"
        assert re.search(unknown if state == "without what may be deleted" else known, topics, re.MULTILINE), topics
        sender.check_log()
        if number % 2:
            sender.service.kill()
        else:
            assert sender.service.stop() == 0
        fill(small_disk)

    (small_disk / "filler").unlink()
    sender.service.start()
    ready = sender.service.request("GET", "/health/ready")
    assert ready.status == 200, ready.body
    sender.check_log()
    sender.send_everything_again()
    sender.check_log(is_complete=True)
    if state == "torn":
        assert any(path.read_bytes().startswith(TORN) for path in torn_pieces(sender))
    sender.stop_and_verify()


def test_the_ledger_counts_what_had_no_room_once_there_is(small_disk, tmp_path):
    """A start without room cannot read what is in the journal alone."""
    sender = serve(small_disk, tmp_path)
    for _ in range(5):
        assert sender.send(0, 1).status == 202
    # Nothing of it was kept.
    sender.service.kill()
    (sender.service.data_dir / "ledger").unlink()
    fill(small_disk)
    sender.service.start()

    def counted():
        figures = Scrape(sender.service)
        return figures.ledger()["stored"], figures.sum("log_end_offset", topic=TOPIC)
    stored, held = counted()
    assert stored < held > 0
    (small_disk / "filler").unlink()
    wait_until(lambda: counted() == (held, held))
    assert sender.send(0, 1).status == 202
    stored, held = counted()
    assert stored == held
    for _ in range(2):
        sender.service.kill()
        sender.service.start()
        assert counted() == (held, held)
    sender.stop_and_verify()


def test_starts_without_room_for_a_torn_tail_leave_no_heap_of_pieces(small_disk, tmp_path):
    sender = serve(small_disk, tmp_path)
    assert sender.service.stop() == 0
    tear(sender, 0)
    fill(small_disk)
    for _ in range(4):
        sender.service.start()
        assert "make room" in sender.service.request("GET", "/health/ready").json["message"]
        assert sender.service.stop() == 0
    assert len(torn_pieces(sender)) <= 1


def test_a_first_start_without_a_free_byte_says_so_and_the_next_one_works(small_disk, tmp_path):
    fill(small_disk)
    data_dir = small_disk / "data"
    refused = run("serve", "--port", "0", "--data-dir", data_dir, env={**os.environ, **SETTINGS})
    (small_disk / "filler").unlink()
    with Service(data_dir, SETTINGS, generated_keys=True, log_path=tmp_path / "log") as service:
        assert service.request("GET", "/health/ready").status == 200
    check_refusal(refused, data_dir, errno.ENOSPC)
