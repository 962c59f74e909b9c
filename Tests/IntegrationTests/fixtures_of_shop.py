"""Fixtures of a visit to the shop. A conftest.py takes them by `from fixtures_of_shop import *`."""
import pytest

from shop import Shop, Visit

__all__ = ["way", "shop", "visit"]


@pytest.fixture
def way(service, chaos):
    """The proxy before the service, which browsers go through."""
    return chaos(service.port)


@pytest.fixture
def shop(way):
    with Shop(way.port) as shop:
        yield shop


@pytest.fixture
def visit(shop, visitor):
    """A visitor who has seen nothing yet. At the end the browser may have no complaint."""
    visit = Visit(shop, visitor())
    yield visit
    assert visit.complaints() == []
