"""Calls of the operating system that fail, one after the other, in the real binary.

What must hold wherever it happens: nothing acknowledged is lost or doubled; nothing is acknowledged that is not safe; the
service says why; and when the fault is gone, a restart makes all well. OKLA_FAULT_DEPTH bounds how far each loop goes.
"""
import errno
import itertools
import json
import os
import re
import shutil
import threading

import pytest

from faults import FAIL, FOR_EVER, HALF, LOSE, ONE_BYTE
from sender import Sender
from service import KEY, Service, run, wait_until

DEPTH = int(os.environ.get("OKLA_FAULT_DEPTH", "6"))
TOPIC = "okla.events.raw"
# Two partitions: the victim, and the other one. The smallest segments, so that a few requests begin new ones.
VICTIM, OTHER = 0, 1
SETTINGS = {"KAFKA_PARTITIONS": "2", "LOG_SEGMENT_BYTES": "65536", "EVENT_TRACKING_MAX_PAYLOAD_SIZE": "1048576",
            "EVENT_TRACKING_WRITE_KEY": KEY, "LOG_MIN_FREE_BYTES": "0"}
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
    sender.service.environment = dict(SETTINGS)
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
    entries = [line.split(" ") for line in lines[2:-1]]
    return {int(partition): int(offset) for topic, partition, offset in entries if topic == TOPIC}


def ends(sender):
    """The offset behind the last acknowledged record of each partition."""
    return {partition: 1 + max(offset for place, offset in sender.acknowledged.values() if place == partition)
            for partition in [VICTIM, OTHER]}


# MARK: The log itself

LOG = f"*/{TOPIC}-{VICTIM}/*.log"
FOLDER = f"*/{TOPIC}-{VICTIM}"


def check_refusal(answer, error, partition=f"{TOPIC}-{VICTIM}"):
    """A 503 that says what failed, why, and what to do."""
    assert (answer.status, answer.json["code"]) == (503, "unavailable")
    assert answer.headers["retry-after"] == "1"
    for part in [f"{partition}:", os.strerror(error), "same messageIds"]:
        assert part in answer.json["message"]


def check_not_ready(service, error, partition=f"{TOPIC}-{VICTIM}"):
    """Health names the partition that takes no writes, that one alone, and why."""
    ready = service.request("GET", "/health/ready")
    assert (ready.status, ready.json["code"]) == (503, "not_writable")
    assert f"{partition} " in ready.json["message"] and os.strerror(error) in ready.json["message"]
    assert f"{TOPIC}-{OTHER} " not in ready.json["message"]
    assert service.request("GET", "/health/live").status == 200
    # It is told to other processes a moment later.
    wait_until(lambda: re.search(
        rf"^{partition}: .*{os.strerror(error)}.*restart", run("log", "topics", "--data-dir", service.data_dir).stdout, re.MULTILINE), 10)


@pytest.mark.parametrize("call, pattern, error, count, mode", [
    pytest.param("pwrite", LOG, errno.EIO, 1, FAIL, id="a write fails once"),
    pytest.param("pwrite", LOG, errno.ENOSPC, FOR_EVER, FAIL, id="the disk is full"),
    pytest.param("pwrite", LOG, errno.ENOSPC, FOR_EVER, HALF, id="the disk is full after half a batch"),
    pytest.param("pwrite", LOG, errno.EIO, 1, HALF, id="a write fails after half a batch"),
    pytest.param("fdatasync", LOG, errno.EIO, 1, FAIL, id="a sync fails once"),
    pytest.param("fdatasync", LOG, errno.EIO, 1, LOSE, id="a sync fails once, and the bytes are gone"),
    pytest.param("fdatasync", LOG, errno.ENOSPC, FOR_EVER, FAIL, id="the sync finds the disk full"),
    pytest.param("open", LOG, errno.EIO, 1, FAIL, id="the next segment cannot be opened"),
    pytest.param("open", LOG, errno.ENOSPC, FOR_EVER, FAIL, id="there is no room for the next segment"),
    pytest.param("fsync", FOLDER, errno.EIO, 1, FAIL, id="the folder's sync fails once"),
])
def test_a_failure_in_the_log_stops_its_partition_alone_until_a_restart(
        call, pattern, error, count, mode, seed, faults, tmp_path):
    for number, folder in numbers(tmp_path):
        sender = at(seed, folder, faults.environment)
        sender.service.start()
        if mode == HALF:
            # The next one is the attempt at the other half.
            faults.add(call, pattern, mode=HALF, first=number)
            rule = faults.add(call, pattern, error, first=number + 1, count=count)
        else:
            rule = faults.add(call, pattern, error, first=number, count=count, mode=mode)
        written = faults.watch("pwrite", LOG)
        for _ in range(3 * DEPTH):
            answer = sender.send(VICTIM)
            if answer.status != 202:
                break
            # No acknowledgement beside a failure.
            assert rule.failed == 0
        if rule.failed == 0:
            assert answer.status == 202
            sender.service.kill()
            break

        check_refusal(answer, error)
        writes = written.matched
        check_refusal(sender.send(VICTIM), error)
        assert sender.post(sender.requests[-2]).status == 503
        check_refusal(sender.send(OTHER, VICTIM), error)
        assert written.matched == writes, "nothing more is written to a partition that failed"
        check_not_ready(sender.service, error)

        # The others go on, and so does what needs no write.
        assert sender.send(OTHER).status == 202
        known = next(request for request in sender.requests[1:] if request[0]["userId"] == sender.users[VICTIM])
        assert sender.post(known).json["duplicates"] == len(known)
        sender.check_log()
        end(sender, number)
        faults.clear()
        check_that_a_restart_makes_all_well(sender)
    assert number > 1, "no such call was made"


@pytest.mark.parametrize("mode", [ONE_BYTE, HALF], ids=["one byte", "half of it"])
@pytest.mark.parametrize("name", ["*.log", "*.index", "*.timeindex", "*.ids", f"*/{RECOVERY_POINTS}*"])
def test_writes_that_take_a_part_are_finished(mode, name, seed, faults, tmp_path):
    sender = at(seed, tmp_path, faults.environment)
    sender.service.start()
    rule = faults.add("pwrite", name, mode=mode, count=FOR_EVER)
    for _ in range(4):
        assert sender.send(VICTIM, OTHER, events=3).status == 202
    assert sender.service.request("GET", "/health/ready").status == 200
    sender.stop_and_verify()
    assert rule.failed > 1
    faults.clear()
    assert recovery_points(sender) == ends(sender)
    check_that_a_restart_makes_all_well(sender)


@pytest.mark.parametrize("call, pattern, settings", [
    pytest.param("fdatasync", LOG, {"LOG_DURABILITY": "os"}, id="the sync before a recovery point, with os durability"),
    pytest.param("fdatasync", LOG, {"LOG_SEGMENT_AGE": "10s"}, id="the sync of a segment that is old enough"),
    pytest.param("open", LOG, {"LOG_SEGMENT_AGE": "10s"}, id="the segment after one that is old enough"),
    pytest.param("fsync", FOLDER, {"LOG_SEGMENT_AGE": "10s"}, id="the folder with a new segment"),
])
def test_a_failure_that_no_request_waits_for_stops_the_partition_too(call, pattern, settings, seed, faults, tmp_path):
    sender = at(seed, tmp_path, {**faults.environment, **settings})
    sender.service.start()
    assert sender.send(VICTIM, OTHER, events=1).status == 202
    rule = faults.add(call, pattern, errno.EIO)
    faults.pass_time(RETENTION_SECONDS, until=lambda: sender.service.request("GET", "/health/ready").status == 503)
    assert rule.failed == 1
    check_not_ready(sender.service, errno.EIO)
    check_refusal(sender.send(VICTIM), errno.EIO)
    assert sender.send(OTHER).status == 202
    sender.check_log()
    assert sender.service.stop() == 0
    if "LOG_DURABILITY" in settings:
        # Nothing since is known to be on disk.
        assert recovery_points(sender)[VICTIM] == recovery_points(seed)[VICTIM]
    faults.clear()
    check_that_a_restart_makes_all_well(sender)


def test_a_failure_in_the_topic_of_rejected_events_refuses_them_and_no_others(seed, faults, tmp_path):
    sender = at(seed, tmp_path, faults.environment)
    sender.service.start()
    faults.add("pwrite", "*/okla.events.rejected-0/*.log", errno.EIO)
    bad = {"event": "a", "messageId": "bad"}
    good = {"event": "a", "userId": sender.users[VICTIM], "messageId": "good"}
    check_refusal(sender.service.post("/api/events", [bad, good]), errno.EIO, "okla.events.rejected-0")
    check_refusal(sender.service.post("/api/events", [bad]), errno.EIO, "okla.events.rejected-0")
    check_not_ready(sender.service, errno.EIO, "okla.events.rejected-0")
    assert sender.send(VICTIM, OTHER).status == 202
    faults.clear()
    sender.service.kill()
    sender.service.start()
    answer = sender.service.post("/api/events", [bad, good])
    assert (answer.status, answer.json["rejected"], answer.json["duplicates"]) == (202, 1, 1)
    sender.requests.append([good])
    sender.check_log(is_complete=True)
    assert [json.loads(record["headers"]["errors"]) != [] for record in sender.service.records("okla.events.rejected")] == [True]
    assert sender.service.stop() == 0


def test_many_clients_lose_nothing_when_a_sync_fails_and_takes_what_it_should_have_kept(seed, faults, tmp_path):
    for number, folder in numbers(tmp_path):
        senders = [at(seed, folder, faults.environment)]
        service = senders[0].service.start()
        for thread in range(1, 6):
            senders.append(seed.copy(service))
            senders[-1].name = f"t{thread}-"
        rule = faults.add("fdatasync", LOG, errno.EIO, first=3 * number, mode=LOSE)
        problems = []

        def work(sender):
            try:
                refused = 0
                for _ in range(4 * DEPTH):
                    # The second request goes by itself, so that partitions share syncs and also do not.
                    refused += sender.send(VICTIM, OTHER, events=2, text_bytes=400).status == 503
                    assert sender.send(OTHER, events=1, text_bytes=400).status == 202
                    if refused == 3:
                        break
            except BaseException as problem:
                problems.append(problem)

        threads = [threading.Thread(target=work, args=[sender]) for sender in senders]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert problems == [] and rule.failed == 1
        check_not_ready(service, errno.EIO)
        everything = Sender.union(senders)
        everything.check_log()
        end(everything, number)
        faults.clear()
        check_that_a_restart_makes_all_well(everything)


# MARK: Caches and recovery points

@pytest.mark.parametrize("call, error, count", [
    pytest.param("open", errno.EIO, 1, id="open EIO once"),
    pytest.param("pwrite", errno.EIO, 1, id="pwrite EIO once"),
    pytest.param("pwrite", errno.ENOSPC, FOR_EVER, id="pwrite ENOSPC for ever"),
    pytest.param("fdatasync", errno.EIO, 1, id="fdatasync EIO once"),
    pytest.param("fdatasync", errno.ENOSPC, FOR_EVER, id="fdatasync ENOSPC for ever"),
])
@pytest.mark.parametrize("suffix", [".index", ".timeindex", ".ids"])
def test_a_failure_in_a_cache_costs_no_write_and_holds_the_recovery_point(suffix, call, error, count, seed, faults, tmp_path):
    for number, folder in numbers(tmp_path):
        sender = at(seed, folder, faults.environment)
        sender.service.start()
        rule = faults.add(call, f"*/{TOPIC}-{VICTIM}/*{suffix}", error, first=number, count=count)
        moved = faults.watch("fsync", "*/log")
        held = None
        for _ in range(3):
            for partition in [VICTIM, OTHER, VICTIM, VICTIM, VICTIM]:
                assert sender.send(partition).status == 202
            before, rounds = recovery_points(sender), moved.matched
            faults.pass_time(CHECKPOINT_SECONDS, until=lambda: moved.matched > rounds)
            if held is None and rule.failed:
                held = before
        if rule.failed == 0:
            sender.service.kill()
            break
        assert sender.send(VICTIM, OTHER).status == 202
        assert sender.service.request("GET", "/health/ready").status == 200
        sender.check_log()
        assert sender.post(sender.requests[-1]).json["duplicates"] == len(sender.requests[-1])
        log = sender.service.log_path.read_text()
        assert f"recovery point of {TOPIC}-{VICTIM} stays" in log and os.strerror(error) in log and suffix in log
        end(sender, number)
        points = recovery_points(sender)
        assert points[VICTIM] == held[VICTIM]
        assert points[OTHER] > held[OTHER]
        faults.clear()
        check_that_a_restart_makes_all_well(sender)
        assert recovery_points(sender) == ends(sender)
    assert number > 1, "no such call was made"


@pytest.mark.parametrize("call, pattern", [
    ("open", f"*/{RECOVERY_POINTS}*"), ("pwrite", f"*/{RECOVERY_POINTS}*"), ("fdatasync", f"*/{RECOVERY_POINTS}*"),
    ("rename", f"*/{RECOVERY_POINTS}"), ("fsync", "*/log")], ids=["open", "pwrite", "fdatasync", "rename", "fsync"])
@pytest.mark.parametrize("error, count", [(errno.EIO, 1), (errno.ENOSPC, FOR_EVER)], ids=["EIO once", "ENOSPC for ever"])
def test_a_failure_at_the_recovery_points_costs_no_write(call, pattern, error, count, seed, faults, tmp_path):
    for number, folder in numbers(tmp_path):
        sender = at(seed, folder, faults.environment)
        sender.service.start()
        rule = faults.add(call, pattern, error, first=number, count=count)
        for round in range(1, 3):
            assert sender.send(VICTIM, OTHER).status == 202
            faults.pass_time(CHECKPOINT_SECONDS, until=lambda: rule.matched >= round)
        assert sender.send(VICTIM, OTHER).status == 202
        assert sender.service.request("GET", "/health/ready").status == 200
        sender.check_log()
        # It writes the points once more.
        assert sender.service.stop() == 0
        if rule.failed == 0:
            break
        log = sender.service.log_path.read_text()
        assert "recovery points not written" in log and os.strerror(error) in log
        points = recovery_points(sender)
        assert all(recovery_points(seed)[partition] <= points[partition] <= end for partition, end in ends(sender).items())
        faults.clear()
        check_that_a_restart_makes_all_well(sender)
        assert recovery_points(sender) == ends(sender)
    assert number > 3, "the points are written three times"


def test_a_segment_that_cannot_be_removed_keeps_those_behind_it(seed, faults, tmp_path):
    sender = at(seed, tmp_path, {**faults.environment, "LOG_RETENTION_BYTES": "65536"})
    sender.service.start()
    folder = sender.service.data_dir / f"log/{TOPIC}-{VICTIM}"
    for _ in range(12):
        assert sender.send(VICTIM).status == 202
    names = sorted(path.name for path in folder.glob("*.log"))
    rule = faults.add("unlink", f"*/{TOPIC}-{VICTIM}/{names[0]}", errno.EIO, count=FOR_EVER)
    for round in range(1, 4):
        faults.pass_time(RETENTION_SECONDS, until=lambda: rule.failed >= round or not all((folder / name).exists() for name in names))
    assert rule.failed >= 1
    assert sorted(path.name for path in folder.glob("*.log")) == names
    sender.service.kill()
    # Everything is checked then.
    (sender.service.data_dir / RECOVERY_POINTS).unlink()
    faults.clear()
    check_that_a_restart_makes_all_well(sender)


# MARK: The start

@pytest.fixture(scope="module")
def rough_seed(seed, tmp_path_factory):
    """A data directory that a start has much to do with: killed, caches and recovery points behind, one missing, a torn tail."""
    sender = at(seed, tmp_path_factory.mktemp("rough"))
    sender.service.start()
    for _ in range(4):
        assert sender.send(VICTIM, OTHER).status == 202
    sender.service.kill()
    segments = sorted((sender.service.data_dir / f"log/{TOPIC}-{VICTIM}").glob("*.log"))
    assert len(segments) > 2
    segments[0].with_suffix(".ids").unlink()
    with open(segments[-1], "ab") as file:
        file.write(bytes(range(1, 256)) * 3)
    return sender


def start(service):
    """None where the service starts; otherwise what it said, after it ended with code 1."""
    service.start(wait=False)
    if line := service.process.stdout.readline():
        service.listening(line)
        return None
    assert service.ended() == 1
    messages = [line for line in service.log_path.read_text().splitlines() if line.startswith("okla-events: ")]
    return messages[-1]


def is_clear(message, service, error):
    """Whether a refusal to start names the path and the reason."""
    return str(service.data_dir) in message and os.strerror(error) in message


@pytest.mark.parametrize("call, error, count", [
    pytest.param("*", errno.EIO, 1, id="any call EIO once"),
    pytest.param("pwrite", errno.ENOSPC, FOR_EVER, id="pwrite ENOSPC for ever"),
    pytest.param("fdatasync", errno.EIO, FOR_EVER, id="fdatasync EIO for ever"),
    pytest.param("fsync", errno.EIO, FOR_EVER, id="fsync EIO for ever"),
])
def test_a_start_with_a_failure_works_or_says_why_not_and_the_next_one_works(call, error, count, rough_seed, faults, tmp_path):
    outcomes = set()
    for number in itertools.count(1):
        folder = tmp_path / str(number)
        folder.mkdir()
        sender = at(rough_seed, folder, faults.environment)
        rule = faults.add(call, f"{sender.service.data_dir}*", error, first=number, count=count)
        refusal = start(sender.service)
        started = refusal is None
        if rule.failed == 0:
            assert started
            sender.service.kill()
            break
        outcomes.add(started)
        assert started or is_clear(refusal, sender.service, error), refusal
        sender.check_log()
        if started:
            ready = sender.service.request("GET", "/health/ready")
            if ready.status != 200:
                assert ready.json["code"] == "not_writable" and os.strerror(error) in ready.json["message"]
            for partition in [VICTIM, OTHER]:
                is_refused = f"{TOPIC}-{partition}" in ready.json.get("message", "")
                assert not is_refused or sender.send(partition).status == 503
            # An acknowledgement counts now as ever.
            sender.send(VICTIM)
            sender.send(OTHER)
            sender.check_log()
            end(sender, number)
        faults.clear()
        check_that_a_restart_makes_all_well(sender)
        shutil.rmtree(folder)
    assert number > 1, "no such call was made"
    if call == "*":
        assert outcomes == {True, False}


@pytest.mark.parametrize("name", [f"{TOPIC}-{VICTIM}/*.{suffix}" for suffix in ["index", "timeindex", "ids"]])
@pytest.mark.parametrize("call", ["open", "pread"])
def test_a_cache_that_cannot_be_read_any_more_is_as_good_as_none(call, name, rough_seed, faults, tmp_path):
    sender = at(rough_seed, tmp_path, faults.environment)
    rule = faults.add(call, f"*/{name}", errno.EIO, count=FOR_EVER)
    assert start(sender.service) is None
    assert rule.failed > 0
    assert sender.service.request("GET", "/health/ready").status == 200
    sender.check_log()
    assert sender.post(sender.requests[1]).json["duplicates"] == len(sender.requests[1])
    assert sender.send(VICTIM, OTHER).status == 202
    verified = run("log", "verify", "--data-dir", sender.service.data_dir, env={**os.environ, **faults.environment})
    findings = verified.stdout.splitlines()[:-1]
    assert verified.returncode == 1 and findings
    assert all(f"/{TOPIC}-{VICTIM}/" in finding for finding in findings), "the rest is checked, and in order"
    sender.service.kill()
    faults.clear()
    check_that_a_restart_makes_all_well(sender)


@pytest.mark.parametrize("which", ["the last segment", "a closed one", "every one"])
def test_a_partition_of_which_something_cannot_be_read_is_read_only_until_it_can(which, rough_seed, faults, tmp_path):
    sender = at(rough_seed, tmp_path, faults.environment)
    (sender.service.data_dir / RECOVERY_POINTS).unlink()
    segments = sorted((sender.service.data_dir / f"log/{TOPIC}-{VICTIM}").glob("*.log"))
    name = {"the last segment": segments[-1].name, "a closed one": segments[1].name, "every one": "*.log"}[which]
    files = {path: path.read_bytes() for path in segments if path.match(name)}
    rule = faults.add("pread", f"*/{TOPIC}-{VICTIM}/{name}", errno.EIO, count=FOR_EVER)
    assert start(sender.service) is None
    assert rule.failed > 0
    check_not_ready(sender.service, errno.EIO)
    check_refusal(sender.send(VICTIM), errno.EIO)
    assert sender.send(OTHER).status == 202
    known = next(request for request in sender.requests[1:] if request[0]["userId"] == sender.users[OTHER])
    assert sender.post(known).json["duplicates"] == len(known)
    sender.check_log()
    assert sender.service.stop() == 0
    assert {path: path.read_bytes() for path in files} == files, "nothing was cut, nothing set aside"
    faults.clear()
    check_that_a_restart_makes_all_well(sender)


def test_a_first_start_that_fails_says_where_and_why_and_the_next_one_works(faults, tmp_path):
    unclear = {}
    for number in itertools.count(1):
        service = Service(tmp_path / str(number) / "data", {**faults.environment, "KAFKA_PARTITIONS": "1"}, generated_keys=True)
        rule = faults.add("*", f"{service.data_dir}*", errno.EIO, first=number)
        refusal = start(service)
        if refusal is None:
            service.kill()
        if rule.failed == 0:
            assert refusal is None
            break
        if refusal and not is_clear(refusal, service, errno.EIO):
            unclear[number] = refusal
        faults.clear()
        with service:
            key = json.loads((service.data_dir / "credentials.json").read_text())["writeKey"]
            assert service.post("/api/events", {"event": "a", "userId": "u"}, key=key).status == 202
            assert service.request("GET", "/health/ready").status == 200
            assert len(service.records()) == 1
            assert service.stop() == 0
        assert run("log", "verify", "--data-dir", service.data_dir).returncode == 0
        shutil.rmtree(service.data_dir.parent)
    assert number > 20
    assert unclear == {}
