import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))

import faults as preload  # noqa: E402
from chromium import *  # noqa: E402, F403
from fixtures_of_servers import *  # noqa: E402, F403
from fixtures_of_shop import *  # noqa: E402, F403
from service import ENRICHED, Service  # noqa: E402


@pytest.fixture(autouse=True)
def no_service_outlives_its_test():
    before = set(Service.running)
    yield
    for left in Service.running - before:
        left.kill()


@pytest.fixture
def service(tmp_path):
    """A running service with its own data directory, as it is by default."""
    with Service(tmp_path / "data", ENRICHED) as running:
        yield running


@pytest.fixture
def own(tmp_path):
    """A deployment's own directory of schemas."""
    folder = tmp_path / "schemas"
    folder.mkdir()
    return folder


MEASURED = []


@pytest.fixture
def measured(request):
    """Takes a line with the figures that a test came to, for the end of the run."""
    def add(line):
        print(line)
        MEASURED.append(f"{request.node.name}: {line}")
    return add


# Tests run in two processes beside each other (pytest-xdist), those marked `alone` in one afterwards.

def pytest_configure(config):
    config.addinivalue_line("markers", "alone: needs the whole machine, so that no other test may run at the same time")


def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["measured"] = MEASURED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    MEASURED.extend(getattr(node, "workeroutput", {}).get("measured", []))


def pytest_terminal_summary(terminalreporter):
    for line in MEASURED:
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def fault_library(tmp_path_factory):
    return preload.build(tmp_path_factory.mktemp("preload"))


@pytest.fixture
def faults(fault_library, tmp_path):
    """What goes wrong for a service that was started with `faults.environment`."""
    return preload.Faults(fault_library, tmp_path / "faults")
