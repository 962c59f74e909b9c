"""What the machine around the service does: clocks that jump, a second service, copies, other users' folders."""
import errno
import hashlib
import itertools
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading

import pytest
from kafka.record import MemoryRecords

from refusal import check_refusal
from sender import Sender
from service import BINARY, KEY, Service, run, wait_until

TOPIC = "okla.events.raw"
SETTINGS = {"KAFKA_PARTITIONS": "2", "LOG_SEGMENT_BYTES": "65536", "EVENT_TRACKING_MAX_PAYLOAD_SIZE": "1048576",
            "LOG_LINGER": "0"}
HOUR, DAY = 3600, 24 * 3600
CHECKPOINT_SECONDS, RETENTION_SECONDS = 31, 61
NOBODY = 65534


def serve(data_dir, environment=None):
    """A sender of a service that runs, and has a user in each partition."""
    sender = Sender(Service(data_dir, {**SETTINGS, **(environment or {})}).start())
    sender.learn_users()
    return sender


def tree(folder):
    """Everything in a folder: names, owners, modes, times, contents."""
    found = {}
    for path in [folder, *sorted(folder.rglob("*"))]:
        status = path.stat()
        contents = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
        found[str(path)] = (status.st_mode, status.st_uid, status.st_mtime_ns, contents)
    return found


# MARK: Clocks

@pytest.mark.parametrize("restarts", [False, True], ids=["while the service runs", "across restarts"])
@pytest.mark.parametrize("window", ["24h", "72h"])
def test_order_and_deduplication_outlive_a_clock_that_jumps_a_day(window, restarts, faults, tmp_path):
    sender = serve(tmp_path / "data", {**faults.environment, "EVENT_TRACKING_DEDUP_WINDOW": window})
    assert sender.send(0, 1).status == 202
    stored_twice = []
    for jump in [DAY + 60, 0, -DAY - 60, 0]:
        faults.set_wall_clock(jump)
        if restarts:
            sender.service.kill()
            sender.service.start()
        for request in list(sender.requests):
            answer = sender.service.post("/api/events", request)
            assert answer.status == 202
            if answer.json["duplicates"] != len(request):
                stored_twice.append((jump, sender.requests.index(request)))
        assert sender.send(0, 1).status == 202
    assert stored_twice == []
    times = {}
    for record in sender.check_log(is_complete=True):
        assert record["timestamp"] >= times.get(record["partition"], 0), "a record's time is never before that of the one before"
        times[record["partition"]] = record["timestamp"]
    sender.stop_and_verify()


def test_a_clock_that_jumps_forward_removes_no_segment_that_is_young(faults, tmp_path):
    sender = serve(tmp_path / "data", {**faults.environment, "LOG_RETENTION_AGE": "12h"})
    for _ in range(12):
        assert sender.send(0).status == 202
    segments = set((sender.service.data_dir / f"log/{TOPIC}-0").glob("*.log"))
    assert len(segments) > 3
    faults.set_wall_clock(DAY)
    run_maintenance(faults, RETENTION_SECONDS)
    faults.set_wall_clock(0)
    run_maintenance(faults, RETENTION_SECONDS)
    assert {path for path in segments if not path.exists()} == set()
    sender.check_log(is_complete=True)
    sender.stop_and_verify()


def test_segments_that_are_old_go_also_after_the_clock_went_back(faults, tmp_path):
    faults.set_wall_clock(-13 * HOUR)
    sender = serve(tmp_path / "data", {**faults.environment, "LOG_RETENTION_AGE": "12h"})
    for _ in range(12):
        assert sender.send(0).status == 202
    assert sender.service.stop() == 0
    folder = sender.service.data_dir / f"log/{TOPIC}-0"
    assert len(list(folder.glob("*.log"))) > 3
    faults.set_wall_clock(0)
    sender.service.start()
    run_maintenance(faults, RETENTION_SECONDS)
    assert len(list(folder.glob("*.log"))) == 1
    sender.stop_and_verify()


@pytest.mark.parametrize("jump", [0, DAY, -DAY], ids=["a clock that goes right", "a day forward", "a day back"])
def test_retention_by_size_goes_on_after_the_clock_has_jumped(jump, faults, tmp_path):
    sender = serve(tmp_path / "data", {**faults.environment, "LOG_RETENTION_BYTES": "131072"})
    run_maintenance(faults, RETENTION_SECONDS)
    faults.set_wall_clock(jump)
    for _ in range(12):
        assert sender.send(0).status == 202
    folder = sender.service.data_dir / f"log/{TOPIC}-0"
    assert len(list(folder.glob("*.log"))) > 3
    run_maintenance(faults, 2 * RETENTION_SECONDS)
    assert len(list(folder.glob("*.log"))) <= 3
    sender.stop_and_verify()


def run_maintenance(faults, seconds):
    """So much time passes, and what is due then is done: each round ends before the next one writes its recovery points."""
    rounds = faults.watch("fsync", "*/log")
    for _ in range(2):
        before = rounds.matched
        faults.pass_time(seconds, until=lambda: rounds.matched > before)
    rounds.in_use = 0


# MARK: Two services

@pytest.mark.parametrize("generated_keys", [False, True], ids=["its own key", "no key configured"])
def test_a_second_service_on_a_data_directory_is_refused_and_the_first_goes_on(generated_keys, tmp_path):
    sender = serve(tmp_path / "data")
    assert sender.send(0, 1).status == 202
    key = {} if generated_keys else {"EVENT_TRACKING_WRITE_KEY": "another"}
    # The first one stands still meanwhile: what changes is the second one's doing.
    with sender.service.paused():
        before = tree(sender.service.data_dir)
        second = run("serve", "--port", "0", "--data-dir", sender.service.data_dir, env={**os.environ, **SETTINGS, **key})
        after = tree(sender.service.data_dir)
    assert second.returncode == 1
    assert second.stdout == ""
    assert f"is in use by the process {sender.service.process.pid};" in second.stderr
    assert str(sender.service.data_dir) in second.stderr
    assert after == before, "the second one has changed something"
    assert sender.service.request("GET", "/health/ready").status == 200
    assert sender.send(0, 1).status == 202
    sender.check_log(is_complete=True)
    sender.stop_and_verify()


def test_the_lock_holds_also_when_somebody_removes_its_file(tmp_path):
    sender = serve(tmp_path / "data")
    (sender.service.data_dir / "log/.lock").unlink()
    for _ in range(2):
        # The second one finds the file that the first one made.
        second = run("serve", "--port", "0", "--data-dir", sender.service.data_dir, env={**os.environ, **SETTINGS})
        assert second.returncode == 1 and second.stdout == ""
        assert "is in use by the process unknown;" in second.stderr
    repaired = run("log", "repair", "--data-dir", sender.service.data_dir)
    assert repaired.returncode == 0 and "the service runs (process unknown)" in repaired.stderr
    assert sender.send(0, 1).status == 202
    sender.check_log(is_complete=True)
    sender.stop_and_verify()
    with sender.service:
        assert sender.send(0, 1).status == 202


def test_of_two_services_that_start_at_once_one_runs(tmp_path):
    for number in range(20):
        folder = tmp_path / str(number)
        pair = [Service(folder / "data", SETTINGS), Service(folder / "data", SETTINGS)]
        for service in pair:
            service.start(wait=False)
        lines = [service.process.stdout.readline() for service in pair]
        assert sorted(map(bool, lines)) == [False, True]
        winner, loser = pair if lines[0] else reversed(pair)
        assert loser.ended() == 1
        winner.listening(max(lines))
        # Both say what they have to say into one file.
        assert f"is in use by the process {winner.process.pid};" in winner.log_path.read_text()
        sender = Sender(winner)
        sender.learn_users()
        sender.check_log(is_complete=True)
        sender.stop_and_verify()


# MARK: Copies

def written(data_dir):
    """How many records the segments of the events' topic hold."""
    count = 0
    for path in (data_dir / "log").glob(f"{TOPIC}-*/*.log"):
        records = MemoryRecords(path.read_bytes())
        while (batch := records.next_batch()) is not None:
            count += len(list(batch))
    return count


def check_copy(copy):
    """A copy of a data directory opens and holds what `copy`, the sender of that time, knows to be acknowledged."""
    copy.service.start()
    assert copy.service.request("GET", "/health/ready").status == 200
    found = {record["headers"]["messageId"]: (record["partition"], record["offset"]) for record in copy.service.records()}
    assert copy.acknowledged.items() <= found.items()
    for request in copy.requests[-20:]:
        assert copy.post(request).status == 202
    copy.stop_and_verify()


@pytest.mark.parametrize("checkpoints", [False, True], ids=["between two recovery points", "while recovery points move"])
def test_a_copy_made_under_load_opens_and_holds_what_was_acknowledged_before(checkpoints, faults, tmp_path):
    sender = serve(tmp_path / "data", faults.environment)
    ended, problems = threading.Event(), []

    def load():
        try:
            for number in itertools.count():
                if ended.is_set():
                    return
                assert sender.send(number % 2).status == 202
        except BaseException as error:
            problems.append(error)

    def tick():
        while not ended.wait(0.005):
            faults.control.passed_seconds += CHECKPOINT_SECONDS

    threads = [threading.Thread(target=work) for work in ([load, tick] if checkpoints else [load])]
    for thread in threads:
        thread.start()
    copies = []
    for number in range(5):
        # More to copy each time.
        goal = len(sender.acknowledged) + 200
        wait_until(lambda: len(sender.acknowledged) >= goal or problems)
        copy = sender.copy(Service(tmp_path / f"copy{number}", SETTINGS))
        copied = subprocess.run(["cp", "-r", sender.service.data_dir, copy.service.data_dir], capture_output=True, text=True)
        # What is being replaced may go before cp comes to it.
        assert all(".tmp" in line or "replaced while being copied" in line for line in copied.stderr.splitlines()), copied.stderr
        copies.append(copy)
    ended.set()
    for thread in threads:
        thread.join()
    assert problems == []
    sender.stop_and_verify()
    for copy in copies:
        check_copy(copy)


@pytest.mark.parametrize("later", ["recovery-point-offset-checkpoint", f"{TOPIC}-*/*[xs]"], ids=["recovery points", "caches"])
def test_a_copy_opens_of_which_a_part_was_copied_later_than_the_segments(later, tmp_path):
    sender = serve(tmp_path / "data")
    for _ in range(5):
        assert sender.send(0, 1).status == 202
    # An acknowledgement waits for the journal; the segments have it a moment later.
    wait_until(lambda: written(sender.service.data_dir) == len(sender.acknowledged))
    copy = sender.copy(Service(tmp_path / "copy", SETTINGS))
    shutil.copytree(sender.service.data_dir, copy.service.data_dir)
    for _ in range(5):
        assert sender.send(0, 1).status == 202
    assert sender.service.stop() == 0
    log = sender.service.data_dir / "log"
    paths = list(log.glob(later))
    assert paths
    for path in paths:
        shutil.copy(path, copy.service.data_dir / "log" / path.relative_to(log))
    check_copy(copy)


# MARK: Other users' and read-only folders

@pytest.fixture(scope="module")
def open_folder():
    """A folder that every user may enter, with the binary in it."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="okla-machine-"))
    path.chmod(0o755)
    shutil.copy(BINARY, path / "okla-events")
    yield path
    shutil.rmtree(path)


@pytest.fixture
def foreign(open_folder):
    """The data directory of another user, root, as the service makes it; its service does not run."""
    shutil.rmtree(open_folder / "data", ignore_errors=True)
    service = Service(open_folder / "data", SETTINGS, generated_keys=True)
    with service:
        assert service.stop() == 0
    return service.data_dir


def serve_as_nobody(open_folder, data_dir, keys):
    return subprocess.run(
        ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", str(open_folder / "okla-events"), "serve",
         "--port", "0", "--data-dir", str(data_dir)],
        capture_output=True, text=True, timeout=60, cwd="/", env={**os.environ, **SETTINGS, **keys})


@pytest.mark.parametrize("keys", [{"EVENT_TRACKING_WRITE_KEY": KEY}, {}], ids=["key configured", "key generated"])
@pytest.mark.parametrize("mode", ["go=", "go=rX", "go=rwX,-t log"], ids=["closed", "readable", "only its log closed"])
def test_another_users_data_directory_is_refused_and_stays_as_it_is(mode, keys, foreign, open_folder):
    mode, *closed = mode.split(",")
    subprocess.run(["chmod", "-R", mode, str(foreign)], check=True)
    if closed:
        subprocess.run(["chmod", "-R", "go=", str(foreign / "log")], check=True)
    before = tree(foreign)
    refused = serve_as_nobody(open_folder, foreign, keys)
    assert tree(foreign) == before
    check_refusal(refused, foreign, errno.EACCES)


def test_a_data_directory_that_cannot_be_made_is_refused(open_folder):
    before = tree(open_folder)
    path = open_folder / "missing/data"
    refused = serve_as_nobody(open_folder, path, {"EVENT_TRACKING_WRITE_KEY": KEY})
    assert tree(open_folder) == before
    check_refusal(refused, path, errno.EACCES)


def test_one_segment_of_another_user_is_named(foreign, open_folder):
    subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", str(foreign)], check=True)
    path = foreign / f"log/{TOPIC}-1/00000000000000000000.log"
    os.chown(path, 0, 0)
    path.chmod(0o600)
    check_refusal(serve_as_nobody(open_folder, foreign, {"EVENT_TRACKING_WRITE_KEY": KEY}), path, errno.EACCES)


@pytest.fixture
def read_only(tmp_path):
    """Makes a folder read-only, as a disk that has failed or was mounted so."""
    mounted = []

    def make(path):
        subprocess.run(["mount", "--bind", str(path), str(path)], check=True)
        mounted.append(path)
        subprocess.run(["mount", "-o", "remount,bind,ro", str(path)], check=True)

    yield make
    for path in mounted:
        subprocess.run(["umount", str(path)], check=True)


@pytest.mark.parametrize("keys", [{"EVENT_TRACKING_WRITE_KEY": KEY}, {}], ids=["key configured", "key generated"])
def test_a_read_only_data_directory_is_refused_and_can_be_read(keys, read_only, tmp_path):
    sender = serve(tmp_path / "disk/data")
    assert sender.send(0, 1).status == 202
    assert sender.service.stop() == 0
    read_only(tmp_path / "disk")
    before = tree(sender.service.data_dir)
    refused = run("serve", "--port", "0", "--data-dir", sender.service.data_dir, env={**os.environ, **SETTINGS, **keys})
    assert tree(sender.service.data_dir) == before
    sender.check_log(is_complete=True)
    verified = run("log", "verify", "--data-dir", sender.service.data_dir)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    check_refusal(refused, sender.service.data_dir, errno.EROFS)


def test_a_new_data_directory_on_a_read_only_disk_is_refused(read_only, tmp_path):
    (tmp_path / "disk").mkdir()
    read_only(tmp_path / "disk")
    path = tmp_path / "disk/data"
    check_refusal(run("serve", "--port", "0", "--data-dir", path, env={**os.environ, **SETTINGS}), path, errno.EROFS)
