"""The service of this project, as `okla-events serve` starts it; only its write key and its durability are set."""
import os
import re
import subprocess

from peers import Row
from processes import Server
from workspace import ROOT, SERVICE, disk_bytes, read_text

CLIENT = "http"
PACKAGES = []
KEY = "bench-key"
BATCHES, BATCHES_OS, SINGLE = "**ours**, fsync, gzip batches", "**ours**, durability os, gzip batches", "**ours**, fsync, single events"


def versions():
    def git(*arguments):
        return subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True, text=True).stdout.strip()
    changed = " with changes" if git("status", "--porcelain", "--untracked-files=no") else ""
    swift = subprocess.run(["swift", "--version"], capture_output=True, text=True).stdout.split("\n")[0]
    return {"okla-events": git("rev-parse", "--short", "HEAD") + changed, "swift": swift}


def rows():
    return [
        Row(BATCHES, start, ours=True),
        Row(BATCHES_OS, lambda folder: start(folder, "os"), ours=True),
        Row(SINGLE, start, batch=1, connections=64, share=0.25, ours=True),
    ]


# In force, and never reached.
UNREACHED_LIMITS = {"EVENT_TRACKING_RATE_LIMITS_GLOBAL": "100000000", "EVENT_TRACKING_RATE_LIMITS_PER_IP": "100000000"}


class Ours(Server):
    def disk_bytes(self):
        """Without the journal, whose few files are written again and again: it does not grow with the events."""
        return disk_bytes(self.data, without="journal")

    def journal_mib(self):
        return (disk_bytes(self.data) - self.disk_bytes()) / 2**20


def start(folder, durability="fsync", **more):
    environment = {**os.environ, "EVENT_TRACKING_WRITE_KEY": KEY, "LOG_DURABILITY": durability,
                   **UNREACHED_LIMITS, **more}
    server = Ours([SERVICE, "serve", "--port", "0", "--data-dir", folder / "data"], '"ready":true', folder, CLIENT, options={"key": KEY},
                    env=environment)
    server.target = re.search(r'"http":"http://[^"]*:(\d+)"', read_text(server.log))[1]
    return server
