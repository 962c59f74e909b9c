"""SQLite inside its client's process: WAL, synchronous FULL, a transaction a batch."""
from peers import Row, debian_version
from processes import InClient

CLIENT = "sqlite"
PACKAGES = ["libsqlite3-dev"]


def versions():
    return {"sqlite": debian_version("libsqlite3-0")}


def rows():
    return [Row("SQLite in process, WAL, synchronous FULL", lambda folder: InClient(CLIENT, folder / "data/events.db", folder))]
