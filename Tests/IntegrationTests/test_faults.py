"""Calls of the operating system that fail, one after the other, in the real binary.

What must hold wherever it happens: nothing acknowledged is lost or doubled; nothing is acknowledged that is not safe; the
service says why; and when the fault is gone, a restart makes all well. OKLA_FAULT_DEPTH bounds how far each loop goes.
"""
import errno
import json
import os
import threading

import pytest

from faults import FAIL, FOR_EVER, HALF, LOSE, ONE_BYTE
from scrape import Scrape
from sender import Sender
from service import wait_until
from victim import (  # noqa: F401 (seed is a fixture)
    CHECKPOINT_SECONDS, DEPTH, OTHER, RECOVERY_POINTS, RETENTION_SECONDS, TOPIC, VICTIM, at, check_not_ready,
    check_refusal, check_that_a_restart_makes_all_well, end, ends, numbers, recovery_points, seed,
)

# MARK: The log itself

LOG = f"*/{TOPIC}-{VICTIM}/*.log"
FOLDER = f"*/{TOPIC}-{VICTIM}"


@pytest.mark.parametrize("call, pattern, error, count, mode", [
    pytest.param("pwrite", LOG, errno.EIO, 1, FAIL, id="a write fails once"),
    pytest.param("pwrite", LOG, errno.EIO, 1, HALF, id="a write fails after half a batch"),
    pytest.param("fdatasync", LOG, errno.EIO, 1, FAIL, id="a sync fails once"),
    pytest.param("fdatasync", LOG, errno.EIO, 1, LOSE, id="a sync fails once, and the bytes are gone"),
    pytest.param("fdatasync", LOG, errno.ENOSPC, FOR_EVER, FAIL, id="the sync finds the disk full"),
    pytest.param("open", LOG, errno.EIO, 1, FAIL, id="the next segment cannot be opened"),
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
            # It was safe in the journal before the segment failed; the next one is refused.
            refused = rule.failed > 0 and sender.send(VICTIM)
            if refused:
                answer = refused
                break
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
        if mode != LOSE:
            # What the disk has lost comes back from the journal, at the next start.
            sender.check_log()
        end(sender, number)
        faults.clear()
        check_that_a_restart_makes_all_well(sender)
    assert number > 1, "no such call was made"


@pytest.mark.parametrize("call, pattern, mode", [
    pytest.param("pwrite", LOG, FAIL, id="for a batch"),
    pytest.param("pwrite", LOG, HALF, id="for more than half a batch"),
    pytest.param("open", LOG, FAIL, id="for the next segment"),
    pytest.param("fsync", FOLDER, FAIL, id="for the next segment's name"),
])
def test_a_disk_that_is_full_when_a_segment_is_written_costs_nothing_and_needs_no_restart(call, pattern, mode, seed, faults, tmp_path):
    sender = at(seed, tmp_path, faults.environment)
    sender.service.start()
    if mode == HALF:
        faults.add(call, pattern, mode=HALF)
    rule = faults.add(call, pattern, errno.ENOSPC, first=2 if mode == HALF else 1, count=FOR_EVER)
    for _ in range(3 * DEPTH):
        answer = sender.send(VICTIM)
        if answer.status != 202:
            break
    assert rule.failed > 0
    for answer in [answer, sender.send(VICTIM), sender.send(OTHER)]:
        assert (answer.status, answer.json["code"]) == (503, "unavailable")
        assert os.strerror(errno.ENOSPC) in answer.json["message"] and "same messageIds" in answer.json["message"]
    sender.check_log()
    faults.clear()
    assert sender.send(VICTIM, OTHER).status == 202
    assert sender.service.request("GET", "/health/ready").status == 200
    sender.check_log()
    sender.service.kill()
    check_that_a_restart_makes_all_well(sender)


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
    # Safe in the journal before the segment failed.
    assert sender.service.post("/api/events", [bad, good]).status == 202
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
    # Rejected events have no duplicates.
    errors = [json.loads(record["headers"]["errors"]) for record in sender.service.records("okla.events.rejected")]
    assert len(errors) == 2 and all(errors)
    assert sender.service.stop() == 0


JOURNAL = "*/journal/*.journal"


@pytest.mark.parametrize("call, pattern, mode", [
    pytest.param("pwrite", JOURNAL, FAIL, id="a write fails"),
    pytest.param("pwrite", JOURNAL, HALF, id="a write fails after half an entry"),
    pytest.param("fdatasync", JOURNAL, FAIL, id="a sync fails"),
    pytest.param("fdatasync", JOURNAL, LOSE, id="a sync fails, and the bytes are gone"),
])
def test_a_failure_in_the_journal_stops_the_log_until_a_restart(call, pattern, mode, seed, faults, tmp_path):
    for number, folder in numbers(tmp_path):
        sender = at(seed, folder, faults.environment)
        sender.service.start()
        # The first write is that of the file's head, of which no commit depends.
        first = number + 1 if call == "pwrite" else number
        if mode == HALF:
            faults.add(call, pattern, mode=HALF, first=first)
            rule = faults.add(call, pattern, errno.EIO, first=first + 1)
        else:
            rule = faults.add(call, pattern, errno.EIO, first=first, mode=mode)
        for _ in range(3 * DEPTH):
            answer = sender.send(VICTIM, OTHER)
            if answer.status != 202:
                break
            assert rule.failed == 0
        if rule.failed == 0:
            sender.service.kill()
            break
        check_refusal(answer, errno.EIO)
        for partition in [VICTIM, OTHER]:
            check_refusal(sender.send(partition), errno.EIO, f"{TOPIC}-{partition}")
            check_not_ready(sender.service, errno.EIO, f"{TOPIC}-{partition}", alone=False)
        known = sender.requests[1]
        assert sender.post(known).json["duplicates"] == len(known)
        sender.check_log()
        end(sender, number)
        faults.clear()
        check_that_a_restart_makes_all_well(sender)
    assert number > 1, "no such call was made"


@pytest.mark.parametrize("call, pattern", [("open", JOURNAL), ("pwrite", JOURNAL), ("fsync", "*/journal")],
                         ids=["open", "the write of its head", "the folder's sync"])
def test_a_file_of_the_journal_that_cannot_be_made_refuses_until_it_can(call, pattern, seed, faults, tmp_path):
    sender = at(seed, tmp_path, faults.environment)
    sender.service.start()
    faults.add(call, pattern, errno.EMFILE, count=3)
    for _ in range(3):
        check_refusal(sender.send(VICTIM, OTHER), errno.EMFILE)
    assert sender.send(VICTIM, OTHER).status == 202
    assert sender.service.request("GET", "/health/ready").status == 200
    sender.service.kill()
    check_that_a_restart_makes_all_well(sender)


def test_a_journal_without_room_refuses_until_there_is_some(seed, faults, tmp_path):
    sender = at(seed, tmp_path, faults.environment)
    sender.service.start()
    assert sender.send(VICTIM, OTHER).status == 202
    for first in [1, 2]:
        if first == 2:
            # Half an entry finds room.
            faults.add("pwrite", JOURNAL, mode=HALF)
        faults.add("pwrite", JOURNAL, errno.ENOSPC, first=first, count=FOR_EVER)
        for _ in range(3):
            check_refusal(sender.send(VICTIM, OTHER), errno.ENOSPC)
        sender.check_log()
        faults.clear()
        # Nothing was written: the very next offsets are free.
        assert sender.send(VICTIM, OTHER).status == 202
        assert sender.service.request("GET", "/health/ready").status == 200
    sender.service.kill()
    check_that_a_restart_makes_all_well(sender)


def test_many_clients_lose_nothing_when_a_sync_fails_and_takes_what_it_should_have_kept(seed, faults, tmp_path):
    for number, folder in numbers(tmp_path):
        senders = [at(seed, folder, faults.environment)]
        service = senders[0].service.start()
        for thread in range(1, 6):
            senders.append(seed.copy(service))
            senders[-1].name = f"t{thread}-"
        rule = faults.add("fdatasync", JOURNAL, errno.EIO, first=3 * number, mode=LOSE)
        problems = []

        def work(sender):
            try:
                refused = 0
                for _ in range(4 * DEPTH):
                    refused += sender.send(VICTIM, OTHER, events=2, text_bytes=400).status == 503
                    refused += sender.send(OTHER, events=1, text_bytes=400).status == 503
                    if refused >= 3:
                        break
            except BaseException as problem:
                problems.append(problem)

        threads = [threading.Thread(target=work, args=[sender]) for sender in senders]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert problems == [] and rule.failed == 1
        check_not_ready(service, errno.EIO, alone=False)
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
        # They read the caches too, and what fails for them costs no recovery point.
        wait_until(lambda: Scrape(sender.service).sum("consumer_lag") == 0)
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
