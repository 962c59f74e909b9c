"""How long the service takes to be ready on a full log after it was killed under load."""
import contextlib
import os
import pathlib
import re
import signal
import threading
import time

import peers.ours
import report
from processes import Failure
from workspace import disk_bytes, fresh_folder, read_text

TITLE = "Opening after a kill"
GOAL_SECONDS = 2
LOADED_BYTES = 96 << 20  # what goes in, the journal included, before the kill


def measure(run):
    size = int((0.5 if run.quick else 5) * 2**30)
    with fresh_folder() as folder:
        fill(run, folder / "data/log", size)
        run.progress("open: load, and SIGKILL")
        kill_under_load(folder, LOADED_BYTES)
        cold = drop_page_cache()
        run.progress("open: the start that counts")
        with peers.ours.start(folder) as server:
            io = dict(re.findall(r"(\w+): (\d+)", read_text(f"/proc/{server.process.pid}/io")))
            found = {"log_bytes": disk_bytes(folder / "data/log"), "seconds": server.ready_seconds, "cold": cold,
                     "bytes_read": int(io["rchar"]), "bytes_from_disk": int(io["read_bytes"]), "peak_mib": server.memory_mib()}
            server.load(1000, 100, 8)  # it takes events again
    report.say(f"A log of {found['log_bytes'] / 2**30:.2f} GiB, its service killed with SIGKILL under load, page cache {'cold' if cold else 'warm: it may not be dropped here'}. "
               f"Ready after {found['seconds']:.2f} s, having read {found['bytes_read'] / 2**20:,.1f} MiB, of them {found['bytes_from_disk'] / 2**20:,.1f} MiB "
               f"from the disk; {found['peak_mib']:,.0f} MiB of memory.", "")
    run.goal("open", f"from start to ready on {found['log_bytes'] / 2**30:.2f} GiB", found["seconds"], GOAL_SECONDS, "s")
    return found


def fill(run, log, size):
    """A small log beside it tells how much a record takes."""
    run.progress(f"open: filling {size / 2**30:.1f} GiB")
    piece = 200_000
    with fresh_folder() as folder:
        run.append(folder / "data", piece, "os", 12)
        record_bytes = disk_bytes(folder / "data") / piece
    run.append(log, int(size / record_bytes) // 100 * 100, "os", 12)


def kill_under_load(folder, byte_count):
    with peers.ours.start(folder) as server:
        server.next_event = 10**9

        def load():
            with contextlib.suppress(Failure):  # it ends with the server
                while server.process.poll() is None:
                    server.load(50_000, 100, 8)
        loading = threading.Thread(target=load)
        loading.start()
        deadline = time.monotonic() + 60
        before = disk_bytes(folder / "data/log")
        while disk_bytes(folder / "data/log") - before < byte_count:
            if time.monotonic() > deadline or not loading.is_alive():
                raise Failure(f"The log did not grow enough under load.{server.log_tail()}")
            time.sleep(0.05)
        server.end(signal.SIGKILL)
        loading.join()


def drop_page_cache():
    os.sync()
    try:
        pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")
        return True
    except OSError:
        return False
