"""Whether an acknowledgement waits for the disk, and how many syncs a batch takes: measured with strace, not believed.

Short runs of the same load against the running server:
 1. all connections; every call that makes bytes durable is counted;
 2. one connection, traced but not delayed: how long the fastest acknowledgement takes under strace anyway;
 3. one connection, every sync delayed: when even the fastest acknowledgement takes that much longer, it waits;
 4. only when it does not, and the server has writes that sync by themselves: one connection, these delayed.

Such calls are fsync and its relatives, and writes that are durable when they return: pwritev2 with RWF_DSYNC or RWF_SYNC, and every
write to a descriptor that was opened with O_DSYNC (seen at its opening or in its /proc/PID/fdinfo).
"""
import contextlib
import pathlib
import re
import signal
import subprocess
import time

from processes import Failure
from workspace import WORK, read_text

DELAY_MILLISECONDS = 25
SYNCS = ["fsync", "fdatasync", "msync", "sync_file_range", "syncfs", "sync"]
WRITES = ["write", "writev", "pwrite64", "pwritev", "pwritev2"]
UNSEEN = ["io_uring_setup", "io_uring_enter", "io_submit"]  # writes and syncs that go through these would not be seen
O_DSYNC = 0o10000  # O_SYNC contains it
TRACE = WORK / "trace"


def prove(store, batch, connections, batches):
    """A dictionary with `waits_for_disk` ("yes", "no", or "unclear"), `syncs_per_batch` and what they follow from."""
    known = synchronous_descriptors(store)
    _, calls = trace(store, batch * batches, batch, connections, known)
    # Where a batch takes many syncs, each of them is delayed; two batches tell as much as ten.
    few = batch * max(2, min(10, round(40 * batches / max(len(calls.durable), 1))))
    quick, _ = trace(store, few, batch, 1, known)
    slow, again = trace(store, few, batch, 1, known, delay(SYNCS))
    waits = is_late(quick, slow)
    if not waits and calls.durable_writes:
        # These are delayed on the files on which they sync; strace then looks at no other file.
        files = [option for _, path in sorted(calls.durable_writes) for option in ("-P", path)]
        slow, _ = trace(store, few, batch, 1, known, files + delay({name for name, _ in calls.durable_writes}))
        waits = is_late(quick, slow)
        if calls.durable_writes & calls.plain_writes or not waits and again.durable_writes - calls.durable_writes:
            waits = None  # others were delayed too; or not all of them could be, since their files have new names each time
    return {"waits_for_disk": {True: "yes", False: "no", None: "unclear"}[waits], "syncs_per_batch": len(calls.durable) / batches,
            "min_ms_traced": quick, "min_ms_delayed": slow, "delay_ms": DELAY_MILLISECONDS, "durable_calls": sorted({name for name, _ in calls.durable})}


def delay(names):
    return ["-e", f"inject={','.join(sorted(names))}:delay_enter={DELAY_MILLISECONDS * 1000}"]


def is_late(quick, slow):
    """From the fastest acknowledgement without and with the delay; None when strace alone makes it too slow to tell."""
    if slow < DELAY_MILLISECONDS:
        return False
    return True if slow - quick > DELAY_MILLISECONDS / 2 else None


def trace(store, events, batch, connections, known, options=()):
    """The fastest acknowledgement of this load in milliseconds, and the calls it led to. `known` grows by files that are written synchronously."""
    with traced(store, options) as prefix:
        fastest = store.load(events, batch, connections, prefix)["min_ms"]
    text = TRACE.read_text(errors="replace")
    known |= synchronous_descriptors(store) | synchronous_openings(text)
    return fastest, Calls(text, known)


class Calls:
    """What a trace says, each call as (name, path): all that made bytes durable, and the writes that did and did not."""

    def __init__(self, text, synchronous_files):
        self.durable, self.plain_writes = [], set()
        for name, arguments in re.findall(r"^\d+\s+(\w+)\((.*)", text, re.M):
            path = found[1] if (found := re.match(r"\d+<([^>]*)>", arguments)) else ""
            if name in UNSEEN:
                raise Failure(f"It uses {name}, whose writes this proof does not see: teach Tools/Bench/proof.py about it.")
            if name in SYNCS or name in WRITES and (path in synchronous_files or name == "pwritev2" and re.search(r"RWF_D?SYNC", arguments)):
                self.durable.append((name, path))
            elif name in WRITES:
                self.plain_writes.add((name, path))
        self.durable_writes = {call for call in self.durable if call[0] in WRITES}


def synchronous_openings(text):
    """Files that were opened for synchronous writing while the trace ran."""
    found = set()
    for folder, path, flags in re.findall(r"openat\(\w+<?([^>,]*)>?, \"([^\"]*)\", ([\w|]+)", text):
        if {"O_DSYNC", "O_SYNC"} & set(flags.split("|")):
            found.add(str(pathlib.Path(folder, path)))
    return found


def synchronous_descriptors(store):
    """Files that are open for synchronous writing now."""
    found = set()
    for pid in store.pids():
        for info in pathlib.Path(f"/proc/{pid}/fdinfo").glob("*"):
            flags = re.search(r"^flags:\s+(\d+)", read_text(info), re.M)
            with contextlib.suppress(OSError):
                target = str(pathlib.Path(f"/proc/{pid}/fd/{info.name}").readlink())
                if "io_uring" in target:
                    raise Failure("It uses io_uring, whose writes this proof does not see: teach Tools/Bench/proof.py about it.")
                if flags and int(flags[1], 8) & O_DSYNC and target.startswith("/") and pathlib.Path(target).is_file():
                    found.add(target)
    return found


@contextlib.contextmanager
def traced(store, options):
    """Traces the server's processes; yields what has to stand before the client's command, for a store inside its client."""
    command = ["strace", "-f", "-qq", "-y", "-s", "0", "-o", str(TRACE), "-e", f"trace=openat,{','.join(SYNCS + WRITES + UNSEEN)}", *options]
    pids = store.pids()
    if not pids:
        yield command
        return
    tracer = subprocess.Popen(
        [*command, *(f"-p{pid}" for pid in pids)], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        while not all(re.search(rf"^TracerPid:\s+{tracer.pid}$", status, re.M) for pid in pids for status in statuses(pid)):
            if tracer.poll() is not None:
                raise Failure(f"strace cannot attach (it needs root or CAP_SYS_PTRACE): {tracer.stderr.read()}")
            time.sleep(0.01)
        yield []
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.communicate()


def statuses(pid):
    """The status of each of its threads that is alive."""
    return [text for task in pathlib.Path(f"/proc/{pid}/task").glob("*") if (text := read_text(task / "status"))]
