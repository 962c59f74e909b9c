"""Calls of the operating system that fail while the service starts, one after the other, in the real binary."""
import errno
import itertools
import json
import os
import shutil

import pytest

from faults import FOR_EVER
from load import seeded
from service import Service, run
from victim import (  # noqa: F401 (seed is a fixture)
    OTHER, RECOVERY_POINTS, TOPIC, VICTIM, at, check_not_ready, check_refusal, check_that_a_restart_makes_all_well, end,
    seed,
)


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


# A start makes some hundred calls. Each fails once where OKLA_EVERY_CALL is set; otherwise every eighth, from one of the first eight on.
STEP = 1 if os.environ.get("OKLA_EVERY_CALL") else 8


@pytest.mark.parametrize("call, error, count, step", [
    pytest.param("*", errno.EIO, 1, STEP, id="any call EIO once"),
    pytest.param("pwrite", errno.ENOSPC, FOR_EVER, 1, id="pwrite ENOSPC for ever"),
    pytest.param("fdatasync", errno.EIO, FOR_EVER, 1, id="fdatasync EIO for ever"),
    pytest.param("fsync", errno.EIO, FOR_EVER, 1, id="fsync EIO for ever"),
])
def test_a_start_with_a_failure_works_or_says_why_not_and_the_next_one_works(call, error, count, step, rough_seed, faults, tmp_path):
    outcomes = set()
    first = seeded("calls of a start").randrange(step) + 1
    for number in itertools.count(first, step):
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
    assert number > first, "no such call was made"
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
    for number in itertools.count(seeded("calls of a first start").randrange(STEP) + 1, STEP):
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
