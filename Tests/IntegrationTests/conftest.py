import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))

import faults as preload  # noqa: E402
from fixtures_of_servers import *  # noqa: E402, F403
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


@pytest.fixture
def measured(request):
    """Takes a line with the figures that a test came to, for the end of the run."""
    def add(line):
        print(line)
        request.node.user_properties.append(("measured", f"{request.node.name}: {line}"))
    return add


def pytest_terminal_summary(terminalreporter):
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, line in getattr(report, "user_properties", []) if getattr(report, "when", None) == "call" else []:
                if name == "measured":
                    terminalreporter.write_line(line)


# MARK: Side by side

# Those of one server are run by one process, so that it is started once.
SHARED_SERVERS = ("shared_rabbitmq", "shared_clickhouse", "shared_clickhouse_engine", "shared_kafka")


def pytest_configure(config):
    config.addinivalue_line("markers", "alone: compares times, or what the machine has; nothing runs beside it")
    config.addinivalue_line("markers", "long: takes more than half a minute; begins early, so that nobody waits for it in the end")
    config.addinivalue_line("markers", "xdist_group: of pytest-xdist")


def pytest_collection_modifyitems(items):
    for item in items:
        if set(SHARED_SERVERS) & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.xdist_group("servers"))
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture(scope="session")
def fault_library(tmp_path_factory):
    return preload.build(tmp_path_factory.mktemp("preload"))


@pytest.fixture
def faults(fault_library, tmp_path):
    """What goes wrong for a service that was started with `faults.environment`."""
    return preload.Faults(fault_library, tmp_path / "faults")
