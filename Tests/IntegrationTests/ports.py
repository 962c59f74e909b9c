"""Ports for servers that a test ends and starts again."""
import pathlib
import random
import socket

FIRST = 10_000
given = set()


def free_port():
    """A port of 127.0.0.1 where nothing listens, never the same twice.

    It lies below those that the kernel takes for outgoing connections. So while its server is down nobody else gets it, and a client
    that keeps trying is not by chance connected to itself.
    """
    beyond = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.SystemRandom().randrange(FIRST, beyond)
        with socket.socket() as attempt:
            try:
                attempt.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in given:
            given.add(port)
            return port
