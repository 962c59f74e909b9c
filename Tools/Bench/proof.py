"""Whether an acknowledgement waits for the disk, and how many syncs a batch takes: measured with strace, not believed.

Three short runs of the same load against the running server:
 1. all connections; every call that makes bytes durable is counted;
 2. one connection, traced but not delayed: how long the fastest acknowledgement takes under strace anyway;
 3. one connection, each of those calls delayed: only when even the fastest acknowledgement takes that much longer, it waits.

Such calls are fsync and its relatives, and writes that are durable when they return: pwritev2 with RWF_DSYNC, and every
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
    durable_files = synchronous_descriptors(store)
    with traced(store, []) as prefix:
        store.load(batch * batches, batch, connections, prefix)
    calls = TRACE.read_text(errors="replace")
    durable_files |= synchronous_descriptors(store) | synchronous_openings(calls)
    durable, writes, mixed = sort_calls(calls, durable_files)

    # Where a batch takes many syncs, each of them is delayed; two batches tell as much as ten.
    few = max(2, min(10, round(40 / max(len(durable) / batches, 1))))
    with traced(store, []) as prefix:
        quick = store.load(batch * few, batch, 1, prefix)["min_ms"]
    delayed = [*SYNCS, *sorted({name for name, _ in writes})]
    # A write is delayed only on the files on which it syncs; strace then looks at no other file.
    only = [option for path in sorted({path for _, path in durable}) for option in ("-P", path)] if writes else []
    with traced(store, [*only, "-e", f"inject={','.join(delayed)}:delay_enter={DELAY_MILLISECONDS * 1000}"]) as prefix:
        slow = store.load(batch * few, batch, 1, prefix)["min_ms"]
    return {"waits_for_disk": verdict(quick, slow, mixed), "syncs_per_batch": len(durable) / batches, "min_ms_traced": quick, "min_ms_delayed": slow,
            "delay_ms": DELAY_MILLISECONDS, "durable_calls": sorted({name for name, _ in durable}), "mixed_files": sorted(mixed)}


def verdict(quick, slow, mixed):
    """From the fastest acknowledgement without and with the delay."""
    if slow < DELAY_MILLISECONDS:
        return "no"
    return "yes" if slow - quick > DELAY_MILLISECONDS / 2 and not mixed else "unclear"


def sort_calls(text, durable_files):
    """The calls that make bytes durable as (name, path), those of them that are writes, and files written both ways."""
    durable, plain = [], set()
    for name, arguments in re.findall(r"^\d+\s+(\w+)\((.*)", text, re.M):
        path = found[1] if (found := re.match(r"\d+<([^>]*)>", arguments)) else ""
        if name in UNSEEN:
            raise Failure(f"It uses {name}, whose writes this proof does not see: teach Tools/Bench/proof.py about it.")
        if name in SYNCS or name in WRITES and (path in durable_files or name == "pwritev2" and "RWF_DSYNC" in arguments):
            durable.append((name, path))
        elif name in WRITES:
            plain.add((name, path))
    writes = [call for call in durable if call[0] in WRITES]
    return durable, writes, {path for name, path in set(writes) & plain}


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
