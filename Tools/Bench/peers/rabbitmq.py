"""RabbitMQ: quorum queues and streams, both over AMQP 0-9-1 with publisher confirms. (A stream's own protocol is not measured.)

It runs apart from any RabbitMQ of the machine: own node name, ports, folders, and its own port mapper, which is a child of ours
and ends with it. The Erlang schedulers do not spin while they wait (`+sbwt none`), which saves it processor time.
"""
import contextlib
import os

from peers import Row, debian_version
from processes import Server
from workspace import free_port

CLIENT = "rabbitmq"
PACKAGES = ["rabbitmq-server", "librabbitmq-dev"]


def versions():
    return {name: debian_version(name) for name in ("rabbitmq-server", "erlang-base", "librabbitmq-dev")}


def rows():
    return [Row(f"RabbitMQ, {queue} queue, AMQP confirms", lambda folder, queue=queue: start(folder, queue)) for queue in ("quorum", "stream")]


@contextlib.contextmanager
def start(folder, queue):
    port, mapper_port = free_port(), free_port()
    files = {"rabbitmq.conf": f"listeners.tcp.default = 127.0.0.1:{port}\n", "enabled_plugins": "[].\n", "environment.conf": ""}
    for name, text in files.items():
        (folder / name).write_text(text)
    cores = os.cpu_count()
    environment = {
        "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(folder),
        "ERL_EPMD_PORT": str(mapper_port), "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": "bench@localhost", "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"), "RABBITMQ_LOG_BASE": str(folder / "log"), "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"), "RABBITMQ_CONF_ENV_FILE": str(folder / "environment.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"+S {cores}:{cores} +sbwt none -kernel inet_dist_use_interface {{127,0,0,1}}",
    }
    with Server(["epmd", "-d", "-port", mapper_port, "-address", "127.0.0.1"], "epmd running", folder), \
            Server(["/usr/lib/rabbitmq/bin/rabbitmq-server"], "completed with", folder, CLIENT, port, {"queue": queue},
                   env=environment) as server:
        yield server
