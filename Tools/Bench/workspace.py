"""Where the benchmark keeps its things, and what lies on the disk there."""
import contextlib
import functools
import json
import os
import pathlib
import shutil
import socket
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
WORK = ROOT / ".build/bench"
CLIENTS = WORK / "clients"
PYTHON = ROOT / ".venv-bench/bin"
SERVICE = ROOT / ".build/release/okla-events"
LOG_BENCH = ROOT / ".build/release/log-bench"
INGEST_BENCH = ROOT / ".build/release/ingest-bench"
INDEX_BENCH = ROOT / ".build/release/index-bench"
USER_AGENT_BENCH = ROOT / ".build/release/user-agent-bench"
FIXTURES = ROOT / "Fixtures"


@functools.cache
def events_seed():
    """What the events of every client are made from."""
    return json.loads((FIXTURES / "events/generator.json").read_text())["seed"]


@contextlib.contextmanager
def fresh_folder():
    """An empty folder that is gone afterwards. What others have left unwritten is written first: it is not this one's cost."""
    os.sync()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="run-", dir=WORK))
    folder.chmod(0o755)
    (folder / "data").mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def disk_bytes(folder, without=None):
    """Allocated blocks of all files, those included that the file system has promised but not placed yet. `without` is a folder's name."""
    total = 0
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name != without]
        for name in files:
            with contextlib.suppress(FileNotFoundError):
                total += os.lstat(os.path.join(parent, name)).st_blocks * 512
    return total


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def read_text(path):
    """The file's text; empty when there is none, as with processes that have just ended."""
    try:
        return pathlib.Path(path).read_text(errors="replace")
    except OSError:
        return ""
