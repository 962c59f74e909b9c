"""Redis with its append-only file, synced each second. Its plainest client sends the very commands that the exporter's figures are made of, as that file
has them, over one connection and as fast as Redis takes them; it reads the answers, and asks nothing."""
import socket
import threading
import time

import peers.redis
from peers.redis import PACKAGES
from processes import wait_until

NAME = "redis"
GOAL = 60_000
PLAINEST = "the same commands, from a file"
END = b"the end of what was sent"
SECONDS_MAX = 120


def start(folder):
    return peers.redis.start(folder, "everysec")


def settings(server):
    return {"REDIS_URL": f"redis://127.0.0.1:{server.target}"}


def keep(server, folder):
    """The commands, and how many keys they made."""
    wait_until(lambda: b"aof_buffer_length:0\r" in ask(server, b"INFO persistence\r\n"), SECONDS_MAX, lambda: "The append-only file is not written")
    (commands,) = (server.data / "appendonlydir").glob("*.incr.aof")
    return commands.read_bytes(), key_count(server)


def limit(server, events, exported):
    commands, keys = exported
    begun = time.monotonic()
    answers = ask(server, commands)
    took = time.monotonic() - begun
    if b"\r\n-" in answers or answers.startswith(b"-"):
        raise RuntimeError("Redis refused a command")
    if key_count(server) != keys:
        raise RuntimeError(f"{key_count(server)} keys, and not {keys}")
    return events / took


def key_count(server):
    return int(ask(server, b"DBSIZE\r\n").strip(b":\r\n"))


def ask(server, commands):
    """Sends commands, and returns their answers."""
    end = b"$%d\r\n%b\r\n" % (len(END), END)
    with socket.create_connection(("127.0.0.1", server.target), timeout=SECONDS_MAX) as connection:
        sender = threading.Thread(target=connection.sendall, args=[commands + b"*2\r\n$4\r\nECHO\r\n" + end])
        sender.start()
        answers = bytearray()
        while not answers.endswith(end):
            if not (more := connection.recv(65536)):
                raise RuntimeError("Redis closed the connection")
            answers += more
        sender.join()
    return bytes(answers[:-len(end)])
