"""Switches the faults of preload/faults.c on and off in a running service, and moves its clocks."""
import ctypes
import mmap
import pathlib
import subprocess
import time

from service import wait_until

SOURCE = pathlib.Path(__file__).resolve().parent / "preload/faults.c"
FOR_EVER = 2 ** 64 - 1
FAIL, ONE_BYTE, HALF, LOSE, HOLD = range(5)


def build(folder):
    """Compiles the library to preload."""
    library = folder / "faults.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(library), str(SOURCE)], check=True)
    return library


class Rule(ctypes.Structure):
    """Counts the calls that fit; from the `first` on, `count` of them fail with `error`, or write only a part.

    LOSE is for fdatasync: it fails, and what was written since the last good one is gone. HOLD: the calls wait until the rule is no
    longer in use, and are made then; those that began to wait count as failed.
    """
    _fields_ = [
        ("call", ctypes.c_char * 16), ("pattern", ctypes.c_char * 224), ("first", ctypes.c_uint64), ("count", ctypes.c_uint64),
        ("error", ctypes.c_int32), ("mode", ctypes.c_int32), ("matched", ctypes.c_uint64), ("failed", ctypes.c_uint64),
        ("in_use", ctypes.c_uint64)]


class Control(ctypes.Structure):
    _fields_ = [("wall_seconds", ctypes.c_int64), ("passed_seconds", ctypes.c_int64), ("rules", Rule * 8)]


class Faults:
    """`environment` makes a service obey; one service at a time. Everything can be changed while it runs."""

    def __init__(self, library, path):
        path.write_bytes(bytes(ctypes.sizeof(Control)))
        with open(path, "r+b") as file:
            self.control = Control.from_buffer(mmap.mmap(file.fileno(), 0))
        self.environment = {"LD_PRELOAD": str(library), "OKLA_FAULTS": str(path)}

    def add(self, call, pattern, error=0, first=1, count=1, mode=FAIL):
        """A rule in use from now on. `call` and `pattern` (of the path) may hold * and ?."""
        rule = next(rule for rule in self.control.rules if not rule.in_use)
        rule.call, rule.pattern = call.encode(), pattern.encode()
        rule.first, rule.count, rule.error, rule.mode = first, count, error, mode
        rule.matched = rule.failed = 0
        rule.in_use = 1
        return rule

    def hold(self, call, pattern):
        """All such calls wait, until `clear`."""
        return self.add(call, pattern, count=FOR_EVER, mode=HOLD)

    def watch(self, call, pattern):
        """Only counts."""
        return self.add(call, pattern, count=0)

    def clear(self):
        """No faults any more, and the clocks go right."""
        for rule in self.control.rules:
            rule.in_use = 0
        self.control.wall_seconds = self.control.passed_seconds = 0

    def pass_time(self, seconds, until):
        """So much time passes at once, by every clock; again where what comes of it does not come, because nobody waited yet."""
        deadline = time.monotonic() + 30
        while True:
            self.control.passed_seconds += seconds
            try:
                return wait_until(until, 1)
            except TimeoutError:
                if time.monotonic() > deadline:
                    raise

    def set_wall_clock(self, seconds):
        """The wall clock is off by so much; the time between two moments stays what it was."""
        self.control.wall_seconds = seconds
