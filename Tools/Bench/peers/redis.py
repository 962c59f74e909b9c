"""Redis Streams, a pipeline of XADDs a batch. No snapshots and no rewriting of the append-only file, so only what the row names is measured."""
from peers import Row, debian_version
from processes import Server
from workspace import free_port

CLIENT = "redis"
PACKAGES = ["redis-server"]


def versions():
    return {"redis-server": debian_version("redis-server")}


def rows():
    return [Row(f"Redis Streams, appendfsync {policy}", lambda folder, policy=policy: start(folder, policy))
            for policy in ("always", "everysec")]


def start(folder, policy):
    port = free_port()
    settings = {"bind": "127.0.0.1", "port": port, "dir": folder / "data", "save": "", "appendonly": "yes", "appendfsync": policy,
                "auto-aof-rewrite-percentage": 0}
    argv = ["redis-server"]
    for name, value in settings.items():
        argv += [f"--{name}", value]
    return Server(argv, "Ready to accept connections", folder, CLIENT, port)
