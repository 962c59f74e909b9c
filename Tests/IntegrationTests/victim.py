"""A log of two partitions, one of which, the victim, meets failing calls; and what must hold whatever failed."""
import os
import re
import shutil

import pytest

from sender import Sender
from service import KEY, Service, run, wait_until

DEPTH = int(os.environ.get("OKLA_FAULT_DEPTH", "6"))
TOPIC = "okla.events.raw"
# Two partitions: the victim, and the other one. The smallest segments, so that a few requests begin new ones; what is acknowledged
# is written there at once.
VICTIM, OTHER = 0, 1
SETTINGS = {"KAFKA_PARTITIONS": "2", "LOG_SEGMENT_BYTES": "65536", "EVENT_TRACKING_MAX_PAYLOAD_SIZE": "1048576",
            "EVENT_TRACKING_WRITE_KEY": KEY, "LOG_MIN_FREE_BYTES": "0", "LOG_LINGER": "0"}
CHECKPOINT_SECONDS, RETENTION_SECONDS = 31, 61
RECOVERY_POINTS = "log/recovery-point-offset-checkpoint"


@pytest.fixture(scope="module")
def seed(tmp_path_factory):
    """A data directory with a few segments, cleanly closed, and the sender that knows what is in it."""
    sender = Sender(Service(tmp_path_factory.mktemp("seed") / "data", SETTINGS).start())
    sender.learn_users()
    for partition in [VICTIM, VICTIM, OTHER, VICTIM, VICTIM, VICTIM]:
        assert sender.send(partition).status == 202
    assert sender.service.stop() == 0
    assert len(list((sender.service.data_dir / f"log/{TOPIC}-{VICTIM}").glob("*.log"))) == 2
    return sender


def at(seed, folder, environment=None):
    """A copy of `seed` in a folder of its own."""
    shutil.copytree(seed.service.data_dir, folder / "data")
    return seed.copy(Service(folder / "data", {**SETTINGS, **(environment or {})}))


def numbers(tmp_path):
    """1, 2, 3 ..., each with a folder."""
    for number in range(1, DEPTH + 1):
        folder = tmp_path / str(number)
        folder.mkdir()
        yield number, folder


def end(sender, number):
    """Ends the service, in every other round without a warning."""
    if number % 2:
        assert sender.service.stop() == 0
    else:
        sender.service.kill()


def check_that_a_restart_makes_all_well(sender):
    """Without faults: what was not acknowledged is sent again and taken, each event stands there once, every byte is right."""
    sender.service.configure(SETTINGS)
    sender.service.start()
    ready = sender.service.request("GET", "/health/ready")
    assert ready.status == 200, ready.body
    sender.check_log()
    sender.send_everything_again()
    for partition in [VICTIM, OTHER]:
        assert sender.send(partition).status == 202
    sender.check_log(is_complete=True)
    sender.stop_and_verify()


def recovery_points(sender):
    """Each partition's recovery point; fails where the file is not whole."""
    lines = (sender.service.data_dir / RECOVERY_POINTS).read_text().split("\n")
    assert lines[0] == "0" and lines[-1] == "" and int(lines[1]) == len(lines) - 3
    entries = [line.split(" ") for line in lines[2:-1] if not line.startswith("~journal ")]
    return {int(partition): int(offset) for topic, partition, offset in entries if topic == TOPIC}


def ends(sender):
    """The offset behind the last acknowledged record of each partition."""
    return {partition: 1 + max(offset for place, offset in sender.acknowledged.values() if place == partition)
            for partition in [VICTIM, OTHER]}


def check_refusal(answer, error, partition=f"{TOPIC}-{VICTIM}"):
    """A 503 that says what failed, why, and what to do."""
    assert (answer.status, answer.json["code"]) == (503, "unavailable")
    assert answer.headers["retry-after"] == "1"
    for part in [f"{partition}:", os.strerror(error), "same messageIds"]:
        assert part in answer.json["message"]


def check_not_ready(service, error, partition=f"{TOPIC}-{VICTIM}", alone=True):
    """Health names the partition that takes no writes, that one alone or all, and why."""
    ready = service.request("GET", "/health/ready")
    assert (ready.status, ready.json["code"]) == (503, "not_writable")
    assert f"{partition} " in ready.json["message"] and os.strerror(error) in ready.json["message"]
    assert (f"{TOPIC}-{OTHER} " not in ready.json["message"]) == alone
    assert service.request("GET", "/health/live").status == 200
    # It is told to other processes a moment later.
    wait_until(lambda: re.search(
        rf"^{partition}: .*{os.strerror(error)}.*restart", run("log", "topics", "--data-dir", service.data_dir).stdout, re.MULTILINE), 10)
