import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))

from service import Service  # noqa: E402


@pytest.fixture(autouse=True)
def no_service_outlives_its_test():
    before = set(Service.running)
    yield
    for left in Service.running - before:
        left.kill()


@pytest.fixture
def service(tmp_path):
    """A running service with its own data directory."""
    with Service(tmp_path / "data") as running:
        yield running
