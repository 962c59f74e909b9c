"""PostgreSQL with its defaults; a batch is one INSERT of 100 rows with a jsonb column, synchronous_commit = on."""
import os
import signal
import subprocess

from peers import Row, debian_version
from processes import Server
from workspace import free_port

CLIENT = "postgresql"
PACKAGES = ["postgresql-15", "libpq-dev"]
PROGRAMS = "/usr/lib/postgresql/15/bin"


def versions():
    return {"postgresql-15": debian_version("postgresql-15")}


def rows():
    return [Row("PostgreSQL 15, INSERT of 100 rows, jsonb", start)]


def start(folder):
    data, port, user = folder / "data/cluster", free_port(), []
    if os.geteuid() == 0:
        # It refuses to be root. The capability lets its user pass the folders above, which may be root's home.
        user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
        subprocess.run(["chown", "-R", "postgres:", folder], check=True)
    subprocess.run([*user, f"{PROGRAMS}/initdb", "-D", data, "--auth=trust", "--username=postgres"], check=True, stdout=subprocess.DEVNULL)
    settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": folder / "data", "synchronous_commit": "on"}
    argv = [*user, f"{PROGRAMS}/postgres", "-D", data, "-p", port]
    for name, value in settings.items():
        argv += ["-c", f"{name}={value}"]
    return Server(argv, "ready to accept connections", folder, CLIENT, port, stop=signal.SIGINT)
