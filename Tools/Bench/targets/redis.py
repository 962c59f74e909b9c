"""Redis with its append-only file, synced each second. Its plainest client: redis-benchmark, one connection, pipelines of INCR, as many as events."""
import subprocess

import peers.redis
from peers.redis import PACKAGES as SERVER_PACKAGES

NAME = "redis"
GOAL = 60_000
PACKAGES = [*SERVER_PACKAGES, "redis-tools"]
PLAINEST = "redis-benchmark, INCR, pipelines of 100"


def start(folder):
    return peers.redis.start(folder, "everysec")


def settings(server):
    return {"REDIS_URL": f"redis://127.0.0.1:{server.target}"}


def limit(server, events, exported):
    done = subprocess.run(["redis-benchmark", "-h", "127.0.0.1", "-p", server.target, "-c", "1", "-P", "100", "-n", str(events), "-t", "incr", "-r", "10000", "--csv"],
                          capture_output=True, text=True, check=True)
    return float(done.stdout.splitlines()[-1].split(",")[1].strip('"'))
