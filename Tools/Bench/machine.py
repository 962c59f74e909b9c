"""What the figures were measured on."""
import os
import platform
import re
import statistics
import subprocess
import time

from workspace import WORK, read_text

APPEND_BYTES = 77_000  # a batch of 100 events


def describe():
    model = re.search(r"^model name\s*: (.*)$", read_text("/proc/cpuinfo"), re.M)
    memory = re.search(r"^MemTotal:\s+(\d+)", read_text("/proc/meminfo"), re.M)
    mount = subprocess.run(["findmnt", "-n", "-o", "FSTYPE", "-T", WORK], capture_output=True, text=True).stdout.strip()
    system = re.search(r'^PRETTY_NAME="(.*)"', read_text("/etc/os-release"), re.M)
    return {"processor": model[1] if model else platform.machine(), "cores": os.cpu_count(), "memory_gib": round(int(memory[1]) / 2**20, 1),
            "system": system[1] if system else "", "kernel": platform.release(), "file_system": mount}


def sync_times(count):
    """Milliseconds of one fdatasync: of bytes that were appended, and of the same bytes written over preallocated ones."""
    return {"append": percentiles(_syncs(count, preallocated=False)), "overwrite": percentiles(_syncs(count, preallocated=True))}


def percentiles(milliseconds):
    ordered = sorted(milliseconds)
    return {"p50_ms": statistics.median(ordered), "p99_ms": ordered[(len(ordered) - 1) * 99 // 100]}


def _syncs(count, preallocated):
    path, block, times = WORK / "sync-probe", os.urandom(APPEND_BYTES), []
    file = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_RDWR)
    try:
        if preallocated:
            for _ in range(count):
                os.write(file, bytes(APPEND_BYTES))
            os.fsync(file)
            os.lseek(file, 0, os.SEEK_SET)
        for _ in range(count):
            os.write(file, block)
            started = time.perf_counter()
            os.fdatasync(file)
            times.append((time.perf_counter() - started) * 1e3)
    finally:
        os.close(file)
        path.unlink()
    return times
