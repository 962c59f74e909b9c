"""Servers as child processes: how they start and end, what load they get, and what that costs them."""
import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import threading
import time

from workspace import CLIENTS, disk_bytes, events_seed, read_text

START_SECONDS_MAX = 120
STOP_SECONDS_MAX = 60
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class Failure(SystemExit):
    """Ends the run with a message; what was started is stopped on the way out."""


def wait_until(is_done, seconds_max, failure):
    """Asks until it is done; after so many seconds the run ends with what `failure()` says."""
    deadline = time.monotonic() + seconds_max
    while not is_done():
        if time.monotonic() > deadline:
            raise Failure(f"{failure()}, after {seconds_max} s")
        time.sleep(0.05)


class Store:
    """What a client stores into. The client's command line is `client TARGET EVENTS BATCH CONNECTIONS FIRST NAME=VALUE ...`."""

    def __init__(self, client, target, folder, **options):
        self.client, self.target, self.options = client, str(target), options
        self.data = pathlib.Path(folder) / "data"
        self.next_event = 0
        self.requests = 0

    def load(self, events, batch, connections, prefix=(), before=lambda: None, **options):
        """Stores as many events as asked for, never the same ones twice, and returns what the client measured.

        `before` is called when the client has prepared everything, just before it begins.
        """
        first = self.next_event
        self.next_event += events
        self.requests += -(-events // batch)
        named = [f"{name}={value}" for name, value in {"seed": events_seed(), **self.options, **options}.items()]
        command = [*prefix, CLIENTS / self.client, self.target, events, batch, connections, first, *named]
        with subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as client:
            try:
                if ready := client.stdout.readline() == "ready\n":
                    before()
                output, errors = client.communicate("\n" if ready else None)
            except BaseException:
                client.kill()
                raise
        if client.returncode:
            raise Failure(f"The client failed: {' '.join(map(str, command))}\n{errors[-2000:]}{self.log_tail()}")
        return json.loads(output)

    def log_tail(self):
        return ""

    def pids(self):
        return []

    def cpu_seconds(self):
        return 0.0

    def disk_bytes(self):
        return disk_bytes(self.data)


class InClient(Store):
    """A store that runs inside its client's process: its cost is the client's."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


class Server(Store):
    """A process with all its descendants. It is up when its log has the `ready` text; leaving the with block stops it."""

    def __init__(self, argv, ready, folder, client=None, target=0, options=None, stop=signal.SIGTERM, **popen):
        super().__init__(client, target, folder, **(options or {}))
        self.log, self.stop_signal = pathlib.Path(folder) / f"{pathlib.Path(argv[0]).name}.log", stop
        started = time.monotonic()
        # In a session of its own it does not get the terminal's Ctrl-C, and ends when we end it.
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                list(map(str, argv)), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, **popen)
        try:
            while ready not in read_text(self.log):
                if self.process.poll() is not None:
                    raise Failure(f"{argv[0]} did not start.{self.log_tail()}")
                if time.monotonic() - started > START_SECONDS_MAX:
                    raise Failure(f"{argv[0]} was not ready after {START_SECONDS_MAX} s.{self.log_tail()}")
                time.sleep(0.005)
        except BaseException:
            self.end()
            raise
        self.ready_seconds = time.monotonic() - started

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self, how=None):
        """Stops it, by its own pid, and waits until it is gone; with force after a minute."""
        if self.process.poll() is not None:
            return
        family = self.pids()
        self.process.send_signal(how or self.stop_signal)
        try:
            self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            for pid in family:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.wait()

    def log_tail(self):
        return f"\nThe end of {self.log.name}:\n{read_text(self.log)[-3000:]}"

    def pids(self):
        parents = {}
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            if text := read_text(stat):
                parents[int(stat.parent.name)] = int(text.rsplit(")", 1)[1].split()[1])
        family = [self.process.pid]
        for pid in family:
            family += [child for child, parent in parents.items() if parent == pid]
        return family

    def cpu_seconds(self):
        """User and system time of all its processes, those included that have ended and were waited for."""
        while True:
            family, ticks = self.pids(), 0
            for pid in family:
                if text := read_text(f"/proc/{pid}/stat"):
                    ticks += sum(map(int, text.rsplit(")", 1)[1].split()[11:15]))
            if self.pids() == family:  # otherwise one may have been counted twice, or not at all
                return ticks / TICKS_PER_SECOND

    def memory_mib(self):
        """Of one process its high-water mark, of several the sum of their proportional shares now."""
        family = self.pids()
        file, key = ("status", "VmHWM") if len(family) == 1 else ("smaps_rollup", "Pss")
        kib = [re.search(rf"^{key}:\s+(\d+)", read_text(f"/proc/{pid}/{file}"), re.M) for pid in family]
        return sum(int(found[1]) for found in kib if found) / 1024

    @contextlib.contextmanager
    def watched_memory(self):
        """Yields a list; afterwards its greatest number is the peak."""
        seen, over = [], threading.Event()

        def watch():
            while not over.wait(0.4):
                seen.append(self.memory_mib())
        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield seen
        finally:
            over.set()
            watcher.join()
            seen.append(self.memory_mib())
