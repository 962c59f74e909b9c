"""One file a peer. Each has:

    CLIENT            the program under clients/ that stores into it
    PACKAGES          what it needs from Debian, the libraries of its client included
    PYTHON_PACKAGES   the same from PyPI (may be left out)
    versions()        what was measured
    rows()            its rows of the table

A file that is added here is in the table. README.md says what a peer's client has to do.
"""
import dataclasses
import importlib
import pkgutil
import subprocess
import typing


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    start: typing.Callable  # folder -> context manager with the running server
    batch: int = 100
    connections: int = 8
    share: float = 1  # of the run's events: fewer where each costs more, more where it would be over too soon to measure
    ours: bool = False


def every(names=None):
    """All peers, or ours and those named; ours is first."""
    found = {module.name: importlib.import_module(f"peers.{module.name}") for module in pkgutil.iter_modules(__path__)}
    order = sorted(found, key=lambda name: (name != "ours", name))
    return [found[name] for name in order if name == "ours" or not names or name in names]


def debian_version(package):
    return subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True).stdout
