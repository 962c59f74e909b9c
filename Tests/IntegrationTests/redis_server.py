"""A real Redis that has on the disk what it acknowledged: every write is in the append-only file, and synced, before the reply."""
import os

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from child_server import ChildServer
from ports import free_port


class RedisServer(ChildServer):
    """`extra` are further arguments of redis-server, such as ["--maxmemory", "1mb"]; `environment` is added to pytest's."""

    def __init__(self, folder, password=None, port=None, extra=(), environment=None):
        super().__init__(folder)
        self.password, self.port, self.extra, self.environment = password, port or free_port(), list(extra), environment or {}

    def command(self):
        arguments = ["redis-server", "--port", self.port, "--bind", "127.0.0.1", "--dir", self.folder,
                     "--appendonly", "yes", "--appendfsync", "always", "--save", ""]
        if self.password:
            arguments += ["--requirepass", self.password]
        return arguments + self.extra, {**os.environ, **self.environment}

    def is_ready(self):
        """An answer to PING: while it still loads its data it refuses that."""
        try:
            with self.client(socket_timeout=1) as client:
                return client.ping()
        except (redis.ConnectionError, redis.TimeoutError):
            return False

    def client(self, **options):
        """Gives bytes, and reports the first failure: a test wants to see it, not a second try."""
        defaults = {"host": "127.0.0.1", "port": self.port, "password": self.password, "socket_timeout": 10, "retry": Retry(NoBackoff(), 0)}
        return redis.Redis(**{**defaults, **options})
