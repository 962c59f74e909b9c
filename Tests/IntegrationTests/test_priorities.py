"""Who yields the processors to those who take events: what reads the log for itself, and nobody for whom somebody waits."""
import concurrent.futures
import contextlib
import os

import pytest
from service import Service, wait_until
from test_admin import TOKEN, ask
from test_live import Stream
from test_replay import done, fill, submit

pytestmark = pytest.mark.alone

# As Sources/Server/Consumers/BackgroundThreads.swift has them.
NICENESS, THREADS = 15, 8
# A thread may make itself more important again only with this capability; usual users have none.
AS_USUAL = ["setpriv", "--bounding-set=-sys_nice"] if os.geteuid() == 0 else []


def threads(service):
    return os.listdir(f"/proc/{service.process.pid}/task")


def that_yield(service):
    """The niceness of each thread that yields."""
    found, folder = [], f"/proc/{service.process.pid}/task"
    for thread in threads(service):
        try:
            with open(f"{folder}/{thread}/stat", encoding="ascii") as file:
                found.append(int(file.read().rpartition(")")[2].split()[16]))
        except OSError:
            continue  # It has just ended.
    return [niceness for niceness in found if niceness > 0]


def test_only_what_reads_the_log_for_itself_yields(tmp_path):
    with Service(tmp_path / "data", {"ADMIN_TOKEN": TOKEN, "EVENT_TRACKING_SESSION_TIMEOUT": "2s"}, through=AS_USUAL) as service:
        def ask_all():
            with concurrent.futures.ThreadPoolExecutor(16) as askers:
                for answer in [askers.submit(ask, service, path) for path in [*(f"events/user/u{n}" for n in range(20)), "events/stats", "consumers"] * 2]:
                    answer.result()
        fill(service, 5000)
        with contextlib.closing(Stream(service)):
            id = submit(service)["id"]
            ask_all()
            assert done(service, id)["state"] == "done"
            assert that_yield(service) == [NICENESS] * THREADS
            # Sessions end, and idle threads of libdispatch do after some seconds: others are made where they are needed.
            most = len(threads(service))
            wait_until(lambda: len(threads(service)) < most, 60)
            fill(service, 5000, first=5000)
            ask_all()
            assert that_yield(service) == [NICENESS] * THREADS
